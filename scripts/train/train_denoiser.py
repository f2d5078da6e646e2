#!/usr/bin/env python3
"""Trains the denoiser and its text encoder by flow matching, with a timestep for each latent frame.

Killed, it goes on from the last state; --init starts from a checkpoint. Single pictures come first: they teach what
words look like, at a fifth of a clip's cost. Some of the frames are given clean in half of the examples (at the start,
or anywhere), or every frame has a noise level of its own: so the network can later go on from images and clips, fill
gaps and denoise windows of a long video in a staircase.
"""

import argparse
import copy
import itertools
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
from per_frame_denoiser import predict, transform
from training import Length, Log, Run, add_training_options, seed_step, set_learning_rate
from workspace import Workspace, argument_parser, start

SEED = 1
WARM_UP = 100
# Latent frames of a step's windows, from which share of the run on. 5 are cheap and enough for most motion, 9 are what
# the checkpoint is meant for.
LENGTHS = {0.0: (1,), 0.15: (1, 3, 5, 5), 0.5: (1, 5, 5, 9, 9)}
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
        latents = torch.from_numpy(stored["z"]).to(device)
        mean, deviation = (
            torch.from_numpy(stored[key]).float().to(device)[:, None, None, None] for key in ("mean", "std")
        )
        self._latents = torch.cat([((part.float() - mean) / deviation).half() for part in latents.split(256)])
        captions = workspace.load_captions()
        self._captions_per_clip = len(captions[0])
        ids = tokenizer([*itertools.chain.from_iterable(captions), ""]).input_ids  # the last one is the empty one
        counts = [min(len(row), MAX_TOKENS) for row in ids]
        # One length for all, since each other one would be compiled anew: a multiple of 16, for aligned masks, and with
        # a row of padding behind the longest.
        tokens = torch.zeros(len(ids), 16 * (max(counts) // 16 + 1), dtype=torch.long)
        for row, count, of_row in zip(tokens, counts, ids):
            row[:count] = torch.tensor(of_row[:count])
        self._tokens, self._token_counts = tokens.to(device), torch.tensor(counts, device=device)

    def windows(self, chosen: Tensor, frames: int) -> Tensor:
        """The start more often than not: only there is the first frame one that stands for a single picture."""
        size, spare, device = len(chosen), self._latents.shape[2] - frames, chosen.device
        first = torch.randint(spare + 1, (size,), device=device) * (torch.rand(size, device=device) >= 0.6)
        if frames == 1:
            first = torch.zeros_like(first)
        moments = first[:, None] + torch.arange(frames, device=device)
        return self._latents[chosen[:, None], :, moments].transpose(1, 2).float()

    def captions(self, chosen: Tensor) -> Tensor:
        """Numbers of captions: one of the clip's own or the empty one."""
        size, device = len(chosen), chosen.device
        own = chosen * self._captions_per_clip + torch.randint(self._captions_per_clip, (size,), device=device)
        return torch.where(torch.rand(size, device=device) < EMPTY_CAPTIONS, len(self._tokens) - 1, own)

    def batch(self, latent_frames: int, lengths: tuple[int, ...], rng: random.Random) -> Batch:
        """Windows of one of these lengths, as many as have that many latent frames together. All is drawn and put
        together on the device, without waiting for it."""
        device = self._latents.device
        frames = min(rng.choice(lengths), self._latents.shape[2])
        size = max(1, latent_frames // frames)
        chosen = torch.randint(len(self._latents), (size,), device=device)
        clean, captions = self.windows(chosen, frames), self.captions(chosen)
        sigmas, given = noise_levels(size, frames, device)
        return Batch(
            clean=clean, noise=torch.randn_like(clean), sigmas=sigmas, timesteps=1000 * sigmas * ~given, given=given,
            tokens=self._tokens[captions], token_counts=self._token_counts[captions],
        )  # fmt: skip


def shifted_sigmas(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Logit-normal levels, moved towards noise as the scheduler's are."""
    uniform = torch.sigmoid(torch.randn(shape, device=device))
    return FLOW_SHIFT * uniform / (1 + (FLOW_SHIFT - 1) * uniform)


def noise_levels(size: int, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Sigmas [B, T], and which frames are given. Given frames are said to be clean and are at times slightly noisy:
    so the network learns not to trust them too far, and a long video drifts less."""

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, device=device)

    kind, given = uniform(size, 1), torch.zeros(size, frames, dtype=torch.bool, device=device)
    if frames > 2:  # the first frames, all but two at most
        count = 1 + (uniform(size, 1) * (frames - 2)).long()
        given |= (kind >= 0.45) & (kind < 0.80) & (torch.arange(frames, device=device) < count)
    if frames > 1:  # any frames, all but one at most
        count = 1 + (uniform(size, 1) * (frames - 1)).long()
        given |= (kind >= 0.80) & (kind < 0.88) & (uniform(size, frames).argsort(dim=1) < count)
    # One level for all frames, or each frame for itself.
    sigmas = torch.where(kind < 0.88, shifted_sigmas((size, 1), device), shifted_sigmas((size, frames), device))
    history_noise = 0.15 * uniform(size, 1) * (uniform(size, 1) < 0.3)
    return torch.where(given, history_noise, sigmas), given


def flow_loss(
    model: nn.ModuleDict, batch: Batch, bfloat16: bool, transform: Callable[..., Tensor] = transform
) -> Tensor:
    """Mean squared error of the velocity over the frames that were not given."""
    device = batch.tokens.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
        mask = torch.arange(batch.tokens.shape[1], device=device)[None] < batch.token_counts[:, None]
        # As [B, 1, 1, L]: from [B, L] the class makes the same, but first asks the GPU whether there is padding.
        text = model["text_encoder"](batch.tokens, mask[:, None, None]).last_hidden_state * mask[..., None]
        velocity = predict(model["denoiser"], batch.noisy, batch.timesteps, text, batch.token_counts, transform)
    error = (velocity.float() - (batch.noise - batch.clean)).square().mean(dim=(1, 3, 4))  # [B, T]
    wanted = ~batch.given
    return (error * wanted).sum() / wanted.sum()


def split_parameters(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Matrices of the denoiser's blocks for Muon; all else for AdamW."""
    named = list(model.named_parameters())
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


def lengths_at(share: float) -> tuple[int, ...]:
    """Latent frames to choose from when this share of the run is done."""
    return LENGTHS[max(begin for begin in LENGTHS if begin <= share)]


def parse_options() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument("--batch", type=int, help="latent frames a step (the preset's)")
    add_training_options(parser)
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    workspace, preset = start(options)
    length = Length(options.steps or preset.schedule.denoiser_steps, options.seconds)
    size = options.batch or preset.schedule.denoiser_batch
    tokenizer = workspace.load_tokenizer()
    clips = Clips(workspace, tokenizer, options.device)
    model = make_model(preset, len(tokenizer), options.init).to(options.device)
    average = copy.deepcopy(model.state_dict())
    hidden, rest = split_parameters(model)
    optimizers = [Muon(hidden, lr=0.01), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]
    # Block by block: all blocks share what is compiled, once for each length of windows.
    transform_fast = torch.compile(transform, dynamic=False) if options.compile else transform
    if options.compile:
        model["text_encoder"].compile(dynamic=False)
    log, step = Log(every=50, memory=0.98), 0
    run = Run(workspace.denoiser, optimizers, options.save_seconds)
    if state := run.load():
        model.load_state_dict(state["model"])
        for name, value in state["average"].items():
            average[name].copy_(value)
        step = state["step"]

    while (share := length.share(step, run)) < 1:
        batch = clips.batch(size, lengths_at(share), seed_step(SEED, step))
        set_learning_rate(optimizers, learning_rate(step, share))
        loss = flow_loss(model, batch, options.bfloat16, transform_fast)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % EMA_EVERY == 0:
            update_average(average, model, step)
        log.add(loss)
        log.write(step, lambda loss: f"loss {loss:.4f}")
        step += 1
        if run.is_due:
            run.save(step, model=model.state_dict(), average=average)
    run.save(step, model=model.state_dict(), average=average)


if __name__ == "__main__":
    main()
