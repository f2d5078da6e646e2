"""What a step of the denoiser's training sees: windows of clips' latents, noise, captions, what the tokens show."""

import itertools
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import T5TokenizerFast

from networks import FLOW_SHIFT
from truth import shown
from workspace import Footage, Workspace
from world import CLIP_LEVELS

MAX_TOKENS = 128  # a paragraph of three subjects
EMPTY_CAPTIONS = 0.1  # for classifier-free guidance
PATCH = 2  # latent pixels across a token


@dataclass
class Batch:
    """clean, noise: [B, C, T, H, W]; sigmas, timesteps, given: [B, T]; tokens: [B, L]; token_counts: [B]; shapes,
    colors: [B, T, tokens of a frame], what is shown, as classes of truth.OF_SUBJECTS."""

    clean: Tensor
    noise: Tensor
    sigmas: Tensor
    timesteps: Tensor
    given: Tensor
    tokens: Tensor
    token_counts: Tensor
    shapes: Tensor
    colors: Tensor

    @property
    def noisy(self) -> Tensor:
        sigmas = self.sigmas[:, None, :, None, None]
        return (1 - sigmas) * self.clean + sigmas * self.noise


class Captions:
    """The ids of all captions, on the device, and of the empty one behind them. A step's captions are of one level of
    detail, so that rows of padding need not be computed."""

    def __init__(self, of_clips: list[list[str]], tokenizer: T5TokenizerFast, device: str) -> None:
        self.empty = len(of_clips) * len(CLIP_LEVELS)
        ids = tokenizer([*itertools.chain.from_iterable(of_clips), ""]).input_ids
        counts = [min(len(row), MAX_TOKENS) for row in ids]
        # Multiples of 16, for aligned masks, and with a row of padding behind the longest.
        self.lengths = [16 * (max(counts[level : -1 : len(CLIP_LEVELS)]) // 16 + 1) for level in range(len(CLIP_LEVELS))]
        tokens = torch.zeros(len(ids), max(self.lengths), dtype=torch.long)
        for row, count, of_row in zip(tokens, counts, ids):
            row[:count] = torch.tensor(of_row[:count])
        self._tokens, self._counts = tokens.to(device), torch.tensor(counts, device=device)

    def draw(self, chosen: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """Ids and their counts: of the clips' own captions or of the empty one."""
        left_out = torch.rand(len(chosen), device=chosen.device) < EMPTY_CAPTIONS
        rows = torch.where(left_out, self.empty, chosen * len(CLIP_LEVELS) + level)
        return self._tokens[rows, : self.lengths[level]], self._counts[rows]


class Windows:
    """Standardised latents of one footage with their captions and what they show."""

    def __init__(
        self, footage: Footage, latents: Tensor, statistics: tuple[Tensor, Tensor], tokenizer: T5TokenizerFast
    ) -> None:
        mean, deviation = (statistic[:, None, None, None] for statistic in statistics)
        self.latents = torch.cat([((part.float() - mean) / deviation).half() for part in latents.split(256)])
        device, lines = self.latents.device, footage.load_lines()
        if len(lines) != len(latents):
            raise SystemExit(f"{footage.pixels}: {len(lines)} clips, but latents of {len(latents)}: run encode_clips.py")
        self.captions = Captions([line["captions"] for line in lines], tokenizer, device)
        frames, rows = latents.shape[2], latents.shape[3] // PATCH
        labels = np.stack([shown(line["world"], line["begin"], frames, rows) for line in lines])
        self._labels = torch.from_numpy(labels).to(device)  # [n, 2, T, tokens, tokens]

    def draw(self, frames: int, size: int, level: int) -> Batch:
        """All is drawn and put together on the device, without waiting for it."""
        count, _, whole = self.latents.shape[:3]
        device, spare = self.latents.device, whole - frames
        chosen = torch.randint(count, (size,), device=device)
        # The start more often than not: only there is the first frame one that stands for a single picture.
        first = torch.randint(spare + 1, (size,), device=device) * (torch.rand(size, device=device) >= 0.6)
        moments = first[:, None] + torch.arange(frames, device=device)
        clean = self.latents[chosen[:, None], :, moments].transpose(1, 2).float()
        shapes, colors = self._labels[chosen[:, None], :, moments].flatten(3).long().unbind(2)
        tokens, token_counts = self.captions.draw(chosen, level)
        sigmas, given = noise_levels(size, frames, device)
        return Batch(
            clean=clean, noise=torch.randn_like(clean), sigmas=sigmas, timesteps=1000 * sigmas * ~given, given=given,
            tokens=tokens, token_counts=token_counts, shapes=shapes, colors=colors,
        )  # fmt: skip


class Examples:
    """Clips and stills of a workspace."""

    def __init__(self, workspace: Workspace, tokenizer: T5TokenizerFast, device: str) -> None:
        stored = np.load(workspace.latents)
        statistics = tuple(torch.from_numpy(stored[key]).float().to(device) for key in ("mean", "std"))
        self._clips, self._stills = (
            Windows(footage, torch.from_numpy(stored[footage.name]).to(device), statistics, tokenizer)
            for footage in (workspace.clips, workspace.stills)
        )

    def batch(self, latent_frames: int, lengths: tuple[int, ...], rng: random.Random) -> Batch:
        """Windows of one of these lengths, as many as have that many latent frames together."""
        frames = min(rng.choice(lengths), self._clips.latents.shape[2])
        source = self._stills if frames == 1 else self._clips
        return source.draw(frames, max(1, latent_frames // frames), rng.randrange(len(CLIP_LEVELS)))


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
