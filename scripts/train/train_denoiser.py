#!/usr/bin/env python3
"""Trains the denoiser and its text encoder by flow matching, with a timestep for each latent frame.

Killed, it goes on from the last state; --init starts from a checkpoint. Single pictures come first: they teach what
words look like, at a fifth of a clip's cost. Some of the frames are given clean in half of the examples (at the start,
or anywhere), or every frame has a noise level of its own: so the network can later go on from images and clips, fill
gaps and denoise windows of a long video in a staircase.
"""

import argparse
import copy
import random
from collections.abc import Callable
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
from training import Log, Run, seed_step, set_learning_rate
from workspace import Workspace, argument_parser, start

SEED = 1
WARM_UP = 100
# Latent frames of a step's windows, from which share of the run on. 5 are cheap and enough for most motion, 9 are what
# the checkpoint is meant for.
WINDOWS = {0.0: (1,), 0.3: (1, 3, 5, 5), 0.6: (1, 5, 5, 9, 9)}
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

    def __init__(self, workspace: Workspace, tokenizer: T5TokenizerFast, device: str) -> None:
        stored = np.load(workspace.latents)
        mean, deviation = (torch.from_numpy(stored[key]).float()[:, None, None, None] for key in ("mean", "std"))
        latents = [((torch.from_numpy(z).float() - mean) / deviation).half() for z in stored["z"]]
        self._latents = torch.stack(latents).to(device)
        captions = workspace.load_captions()
        self._captions = [[tokenizer(text).input_ids[:MAX_TOKENS] for text in texts] for texts in captions]
        self._empty = tokenizer("").input_ids

    def window(self, index: int, frames: int, rng: random.Random) -> Tensor:
        """The start more often than not: only there is the first frame one that stands for a single picture."""
        spare = self._latents.shape[2] - frames
        first = 0 if frames == 1 or rng.random() < 0.6 else rng.randint(0, spare)
        return self._latents[index, :, first : first + frames]

    def caption(self, index: int, rng: random.Random) -> Tensor:
        ids = self._empty if rng.random() < EMPTY_CAPTIONS else rng.choice(self._captions[index])
        return torch.tensor(ids)

    def batch(self, latent_frames: int, windows: tuple[int, ...], rng: random.Random) -> Batch:
        """Windows of one of these lengths, as many as have that many latent frames together."""
        frames = min(rng.choice(windows), self._latents.shape[2])
        size = max(1, latent_frames // frames)
        chosen = [rng.randrange(len(self._latents)) for _ in range(size)]
        clean = torch.stack([self.window(index, frames, rng) for index in chosen]).float()
        captions = [self.caption(index, rng) for index in chosen]
        sigmas, given = (levels.to(clean.device) for levels in noise_levels(size, frames, rng))
        padded_to = -(-max(map(len, captions)) // 16) * 16  # few different lengths: each is compiled anew
        tokens = nn.utils.rnn.pad_sequence([torch.zeros(padded_to, dtype=torch.long), *captions], batch_first=True)[1:]
        return Batch(
            clean=clean, noise=torch.randn_like(clean), sigmas=sigmas, timesteps=1000 * sigmas * ~given, given=given,
            tokens=tokens.to(clean.device), token_counts=torch.tensor([*map(len, captions)], device=clean.device),
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


def flow_loss(model: nn.ModuleDict, batch: Batch, bfloat16: bool, predict: Callable[..., Tensor] = predict) -> Tensor:
    """Mean squared error of the velocity over the frames that were not given."""
    device = batch.tokens.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        mask = (torch.arange(batch.tokens.shape[1], device=device)[None] < batch.token_counts[:, None]).long()
        text = model["text_encoder"](batch.tokens, mask).last_hidden_state * mask[..., None]
        velocity = predict(model["denoiser"], batch.noisy, batch.timesteps, text, batch.token_counts)
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
    now = model.state_dict()
    once = {value.data_ptr(): name for name, value in average.items()}  # the embedding has two names
    names = list(once.values())
    torch._foreach_lerp_([average[name] for name in names], [now[name] for name in names], 1 - memory)


def make_model(preset: Preset, tokens: int, init: Path | None) -> nn.ModuleDict:
    torch.manual_seed(SEED)
    model = nn.ModuleDict(dict(denoiser=make_denoiser(preset), text_encoder=make_text_encoder(preset, tokens)))
    if init:
        denoiser = WanTransformer3DModel.from_pretrained(init, subfolder="transformer", torch_dtype=torch.float32)
        encoder = UMT5EncoderModel.from_pretrained(init, subfolder="text_encoder", dtype=torch.float32)
        model["denoiser"].load_state_dict(denoiser.state_dict())
        model["text_encoder"].load_state_dict(encoder.state_dict())
    return model


def windows_at(share: float) -> tuple[int, ...]:
    """Latent frames to choose from when this share of the run is done."""
    return WINDOWS[max(begin for begin in WINDOWS if begin <= share)]


def parse_options() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("--steps", type=int, help="in all (the preset's)")
    parser.add_argument("--batch", type=int, help="latent frames a step (the preset's)")
    parser.add_argument("--bfloat16", action="store_true", help="for GPUs, and CPUs with AMX")
    parser.add_argument("--compile", action="store_true", help="by torch.compile: for GPUs")
    parser.add_argument("--save-seconds", type=float, default=120, help="between two states (%(default)s)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    workspace, preset = start(options)
    steps, size = options.steps or preset.schedule.denoiser_steps, options.batch or preset.schedule.denoiser_batch
    tokenizer = workspace.load_tokenizer()
    clips = Clips(workspace, tokenizer, options.device)
    model = make_model(preset, len(tokenizer), options.init).to(options.device)
    average = copy.deepcopy(model.state_dict())
    hidden, rest = split_parameters(model)
    optimizers = [Muon(hidden, lr=0.01), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]
    predict_fast = torch.compile(predict) if options.compile else predict
    log, first = Log(every=50, memory=0.98), 0
    run = Run(workspace.denoiser, optimizers, options.save_seconds)
    if state := run.load(options.device):
        model.load_state_dict(state["model"])
        average, first = state["average"], state["step"]

    for step in range(first, steps):
        batch = clips.batch(size, windows_at(step / steps), seed_step(SEED, step))
        set_learning_rate(optimizers, learning_rate(step, steps))
        loss = flow_loss(model, batch, options.bfloat16, predict_fast)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % EMA_EVERY == 0:
            update_average(average, model, step)
        log.add(loss)
        log.write(step, lambda loss: f"loss {loss:.4f}")
        if run.is_due or step + 1 == steps:
            run.save(step + 1, model=model.state_dict(), average=average)


if __name__ == "__main__":
    main()
