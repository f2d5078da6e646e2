#!/usr/bin/env python3
"""Trains the denoiser by flow matching, with a timestep for each latent frame.

Killed, it goes on from the last state; --init starts from a checkpoint. Single pictures come first: they teach what
words look like, at a fifth of a clip's cost. Some of the frames are given clean in half of the examples (at the start,
or anywhere), or every frame has a noise level of its own: so the network can later go on from images and clips, fill
gaps and denoise windows of a long video in a staircase.
"""

import argparse
import copy
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import WanTransformer3DModel
from torch import Tensor, nn

from muon import Muon
from networks import Preset, make_denoiser
from per_frame_denoiser import predict, transform
from train_text_encoder import load_text_encoder
from training import Length, Log, Run, add_training_options, phase, seed_step, set_learning_rate
from truth import OF_SUBJECTS
from windows import PATCH, Batch, Examples
from workspace import Workspace, argument_parser, start

SEED = 1
WARM_UP = 100
# Latent frames of a step's windows, from which share of the run on. 5 are cheap and enough for most motion, 9 are what
# the checkpoint is meant for.
LENGTHS = {0.0: (1,), 0.4: (1, 3, 5, 5), 0.7: (1, 5, 5, 9, 9)}
SUBJECT_WEIGHT = 3.0  # of tokens that show a subject, beyond that of the others: they are few and matter most
OBSERVER_WEIGHT = 0.1
EMA = 0.999
EMA_EVERY = 4


class Observer(nn.Module):
    """Hidden states [..., D] → logits of the shape and of the color that each token shows. It makes the network name
    what it is about to draw; it is no part of the checkpoint."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.shape, self.color = (nn.Linear(width, len(OF_SUBJECTS[name])) for name in ("shape", "color"))

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.norm(hidden.float())
        return self.shape(hidden), self.color(hidden)


def token_errors(error: Tensor) -> Tensor:
    """[B, C, T, H, W] → [B, T, tokens of a frame], the means over channels and patches."""
    by_token = error.mean(dim=1).unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH))  # [B, T, rows, 2, columns, 2]
    return by_token.mean(dim=(3, 5)).flatten(2)


def flow_loss(
    model: nn.ModuleDict, batch: Batch, bfloat16: bool, transform: Callable[..., Tensor] = transform
) -> tuple[Tensor, Tensor]:
    """Mean squared error of the velocity over the frames that were not given, where subjects are in front; and what is
    to be minimized: that and how unsure the observer is of what they show."""
    device = batch.tokens.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        mask = torch.arange(batch.tokens.shape[1], device=device)[None] < batch.token_counts[:, None]
        with torch.no_grad():
            # As [B, 1, 1, L]: from [B, L] the class makes the same, but first asks the GPU whether there is padding.
            text = model["text_encoder"](batch.tokens, mask[:, None, None]).last_hidden_state * mask[..., None]
        velocity, hidden = predict(
            model["denoiser"], batch.noisy, batch.timesteps, text, batch.token_counts, transform
        )  # fmt: skip
    errors = token_errors((velocity.float() - (batch.noise - batch.clean)).square())
    weights = (1 + SUBJECT_WEIGHT * (batch.shapes > 0)) * ~batch.given[..., None]
    error = (errors * weights).sum() / weights.sum()
    unsure = sum(
        F.cross_entropy(logits.flatten(0, 2), classes.flatten(), reduction="none").view_as(weights)
        for logits, classes in zip(model["observer"](hidden), (batch.shapes, batch.colors))
    )
    return error, error + OBSERVER_WEIGHT * (unsure * weights).sum() / weights.sum()


def split_parameters(model: nn.ModuleDict) -> tuple[list[Tensor], list[Tensor]]:
    """Matrices of the denoiser's blocks for Muon; all else that is trained for AdamW."""
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    hidden = [weight for name, weight in named if name.startswith("denoiser.blocks.") and weight.dim() == 2]
    hidden_ids = {id(weight) for weight in hidden}
    return hidden, [weight for _, weight in named if id(weight) not in hidden_ids]


def learning_rate(step: int, share: float) -> float:
    """As a share of the full rate: a short rise, level for half of the run, then straight down to 2 %."""
    return min(1.0, (step + 1) / WARM_UP) * min(1.0, max(0.02, 2 * (1 - share)))


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: nn.Module, step: int) -> None:
    memory = min(EMA, (1 + step) / (20 + step)) ** EMA_EVERY
    now = model.state_dict()
    torch._foreach_lerp_(list(average.values()), [now[name] for name in average], 1 - memory)


def make_model(workspace: Workspace, preset: Preset, tokens: int, init: Path | None) -> nn.ModuleDict:
    """The text encoder stays as it was trained before."""
    text_encoder = load_text_encoder(workspace, preset, tokens).requires_grad_(False)
    torch.manual_seed(SEED)
    denoiser = make_denoiser(preset)
    if init:
        published = WanTransformer3DModel.from_pretrained(init, subfolder="transformer", torch_dtype=torch.float32)
        denoiser.load_state_dict(published.state_dict())
    observer = Observer(preset.heads * preset.head_width)
    return nn.ModuleDict(dict(denoiser=denoiser, observer=observer, text_encoder=text_encoder))


def parse_options() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    add_training_options(parser, batch_of="latent frames")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    workspace, preset = start(options)
    length = Length(options.steps or preset.schedule.denoiser_steps, options.seconds)
    size = options.batch or preset.schedule.denoiser_batch
    tokenizer = workspace.load_tokenizer()
    examples = Examples(workspace, tokenizer, options.device)
    model = make_model(workspace, preset, len(tokenizer), options.init).to(options.device)
    denoiser, observer = model["denoiser"], model["observer"]
    average = copy.deepcopy(denoiser.state_dict())
    hidden, rest = split_parameters(model)
    optimizers = [Muon(hidden, lr=0.01), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]
    # Block by block: all blocks share what is compiled, once for each length of windows and of captions.
    transform_fast = torch.compile(transform, dynamic=False) if options.compile else transform
    if options.compile:
        model["text_encoder"].compile(dynamic=False)
    log, step = Log(every=50, memory=0.98), 0
    run = Run(workspace.denoiser, optimizers, options.save_seconds)
    if state := run.load():
        denoiser.load_state_dict(state["denoiser"])
        observer.load_state_dict(state["observer"])
        for name, value in state["average"].items():
            average[name].copy_(value)
        step = state["step"]

    while (share := length.share(step, run)) < 1:
        batch = examples.batch(size, phase(LENGTHS, share), seed_step(SEED, step))
        set_learning_rate(optimizers, learning_rate(step, share))
        error, loss = flow_loss(model, batch, options.bfloat16, transform_fast)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % EMA_EVERY == 0:
            update_average(average, denoiser, step)
        log.add(torch.stack([error, loss]))
        log.write(step, lambda error, loss: f"error {error:.4f}, loss {loss:.4f}")
        step += 1
        if run.is_due:
            run.save(step, denoiser=denoiser.state_dict(), observer=observer.state_dict(), average=average)
    run.save(step, denoiser=denoiser.state_dict(), observer=observer.state_dict(), average=average)


if __name__ == "__main__":
    main()
