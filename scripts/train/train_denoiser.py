#!/usr/bin/env python3
"""Trains the denoiser and its text encoder by flow matching, with a timestep for each latent frame.

Killed, it goes on from the last state; --init starts from a checkpoint. Some of the frames are given clean in half of
the examples (at the start, or anywhere), or every frame has a noise level of its own: so the network can later go on
from images and clips, fill gaps and denoise windows of a long video in a staircase.
"""

import copy
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import WanTransformer3DModel
from torch import Tensor, nn
from transformers import T5TokenizerFast, UMT5EncoderModel

from muon import Muon
from networks import FLOW_SHIFT, Preset, make_denoiser, make_text_encoder
from per_frame_denoiser import predict
from training import Log, load_state, save_state, seed_step, set_learning_rate
from workspace import Workspace, argument_parser, start

SEED = 1
WARM_UP = 100
WINDOWS = (5, 5, 5, 9)  # latent frames; the short window is cheap and long enough for most motion
MAX_TOKENS = 128  # a paragraph of three subjects
EMPTY_CAPTIONS = 0.1  # for classifier-free guidance
EMA = 0.999
EMA_EVERY = 4


@dataclass
class Batch:
    """clean, noise: [B, C, T, H, W]; sigmas, timesteps, given: [B, T]; tokens: [B, L]; token_counts: [B]."""

    clean: Tensor
    noise: Tensor
    sigmas: Tensor
    timesteps: Tensor
    given: Tensor
    tokens: Tensor
    token_counts: Tensor

    @property
    def noisy(self) -> Tensor:
        sigmas = self.sigmas[:, None, :, None, None]
        return (1 - sigmas) * self.clean + sigmas * self.noise


class Clips:
    """Standardised latents of all clips and the ids of their captions."""

    def __init__(self, workspace: Workspace, tokenizer: T5TokenizerFast) -> None:
        stored = np.load(workspace.latents)
        mean, deviation = (torch.from_numpy(stored[key]).float()[:, None, None, None] for key in ("mean", "std"))
        self._latents = torch.stack([(torch.from_numpy(z).float() - mean) / deviation for z in stored["z"]]).half()
        captions = workspace.load_captions()
        self._captions = [[tokenizer(text).input_ids[:MAX_TOKENS] for text in texts] for texts in captions]
        self._empty = tokenizer("").input_ids

    def window(self, index: int, frames: int, rng: random.Random) -> Tensor:
        """The start more often than not: only there is the first frame one that stands for a single picture."""
        spare = self._latents.shape[2] - frames
        first = 0 if rng.random() < 0.6 else rng.randint(0, spare)
        return self._latents[index, :, first : first + frames].float()

    def caption(self, index: int, rng: random.Random) -> Tensor:
        ids = self._empty if rng.random() < EMPTY_CAPTIONS else rng.choice(self._captions[index])
        return torch.tensor(ids)

    def batch(self, size: int, rng: random.Random) -> Batch:
        frames = min(rng.choice(WINDOWS), self._latents.shape[2])
        chosen = [rng.randrange(len(self._latents)) for _ in range(size)]
        clean = torch.stack([self.window(index, frames, rng) for index in chosen])
        captions = [self.caption(index, rng) for index in chosen]
        sigmas, given = noise_levels(size, frames, rng)
        return Batch(
            clean=clean, noise=torch.randn_like(clean), sigmas=sigmas, timesteps=1000 * sigmas * ~given, given=given,
            tokens=nn.utils.rnn.pad_sequence(captions, batch_first=True),
            token_counts=torch.tensor([len(ids) for ids in captions]),
        )  # fmt: skip


def shifted_sigmas(count: int) -> Tensor:
    """Logit-normal levels, moved towards noise as the scheduler's are."""
    uniform = torch.sigmoid(torch.randn(count))
    return FLOW_SHIFT * uniform / (1 + (FLOW_SHIFT - 1) * uniform)


def noise_levels(size: int, frames: int, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Sigmas [B, T], and which frames are given. Given frames are said to be clean and are at times slightly noisy:
    so the network learns not to trust them too far, and a long video drifts less."""
    sigmas = shifted_sigmas(size)[:, None].repeat(1, frames)
    given = torch.zeros(size, frames, dtype=torch.bool)
    for row in range(size):
        kind = rng.random()
        if 0.45 <= kind < 0.80 and frames > 2:  # the first frames
            given[row, : rng.randint(1, frames - 2)] = True
        elif 0.80 <= kind < 0.88:  # any frames
            given[row, torch.randperm(frames)[: rng.randint(1, max(1, frames - 1))]] = True
        elif kind >= 0.88:  # each frame for itself
            sigmas[row] = shifted_sigmas(frames)
    history_noise = torch.where(torch.rand(size, 1) < 0.3, 0.15 * torch.rand(size, 1), torch.zeros(size, 1))
    return torch.where(given, history_noise.expand(size, frames), sigmas), given


def flow_loss(denoiser: WanTransformer3DModel, text_encoder: UMT5EncoderModel, batch: Batch, bfloat16: bool) -> Tensor:
    """Mean squared error of the velocity over the frames that were not given."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        mask = (torch.arange(batch.tokens.shape[1])[None] < batch.token_counts[:, None]).long()
        text = text_encoder(batch.tokens, mask).last_hidden_state * mask[..., None]
        velocity = predict(denoiser, batch.noisy, batch.timesteps, text, batch.token_counts)
    error = (velocity.float() - (batch.noise - batch.clean)).square().mean(dim=(1, 3, 4))  # [B, T]
    wanted = ~batch.given
    return (error * wanted).sum() / wanted.sum()


def split_parameters(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Matrices of the denoiser's blocks for Muon; all else for AdamW."""
    named = list(model.named_parameters())
    hidden = [weight for name, weight in named if name.startswith("denoiser.blocks.") and weight.dim() == 2]
    hidden_ids = {id(weight) for weight in hidden}
    return hidden, [weight for _, weight in named if id(weight) not in hidden_ids]


def learning_rate(step: int, steps: int) -> float:
    """As a share of the full rate: a short rise, level for half of the run, then straight down to 2 %."""
    return min(1.0, (step + 1) / WARM_UP) * min(1.0, max(0.02, 2 * (1 - step / steps)))


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: nn.Module, step: int) -> None:
    memory = min(EMA, (1 + step) / (20 + step)) ** EMA_EVERY
    for name, value in model.state_dict().items():
        average[name].lerp_(value, 1 - memory)


def make_model(preset: Preset, tokens: int, init: Path | None) -> nn.ModuleDict:
    torch.manual_seed(SEED)
    model = nn.ModuleDict(dict(denoiser=make_denoiser(preset), text_encoder=make_text_encoder(preset, tokens)))
    if init:
        denoiser = WanTransformer3DModel.from_pretrained(init, subfolder="transformer", torch_dtype=torch.float32)
        encoder = UMT5EncoderModel.from_pretrained(init, subfolder="text_encoder", dtype=torch.float32)
        model["denoiser"].load_state_dict(denoiser.state_dict())
        model["text_encoder"].load_state_dict(encoder.state_dict())
    return model


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--steps", type=int, default=20_000, help="in all (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="windows a step (%(default)s)")
    parser.add_argument("--bfloat16", action="store_true", help="for CPUs with AMX")
    parser.add_argument("--save-every", type=int, default=300, help="steps (%(default)s)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    options = parser.parse_args()
    workspace, preset = start(options)
    tokenizer = workspace.load_tokenizer()
    clips = Clips(workspace, tokenizer)
    model = make_model(preset, len(tokenizer), options.init)
    average = copy.deepcopy(model.state_dict())
    hidden, rest = split_parameters(model)
    optimizers = [Muon(hidden, lr=0.01), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]
    log, first = Log(every=50, memory=0.98), 0
    if workspace.denoiser.exists():
        state = load_state(workspace.denoiser, optimizers)
        model.load_state_dict(state["model"])
        average, first = state["average"], state["step"]

    for step in range(first, options.steps):
        batch = clips.batch(options.batch, seed_step(SEED, step))
        set_learning_rate(optimizers, learning_rate(step, options.steps))
        loss = flow_loss(model["denoiser"], model["text_encoder"], batch, options.bfloat16)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % EMA_EVERY == 0:
            update_average(average, model, step)
        log.write(step, f"loss {log.smooth(float(loss.detach())):.4f}")
        if (step + 1) % options.save_every == 0 or step + 1 == options.steps:
            save_state(workspace.denoiser, step + 1, optimizers, model=model.state_dict(), average=average)


if __name__ == "__main__":
    main()
