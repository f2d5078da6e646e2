#!/usr/bin/env python3
"""Encodes all clips and stills; the mean and deviation of each latent channel go into the VAE's config."""

import numpy as np
import torch
from torch import Tensor

from networks import load_trained_vae
from whole_clip_vae import WholeClipVae
from workspace import Footage, argument_parser, start

FRAMES = 328  # of a batch: 8 clips


def statistics(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of [n, z, T, h, w], in double precision but not all at once."""
    parts = latents.split(256)
    count = latents[:, 0].numel()
    mean = sum(part.double().sum(dim=(0, 2, 3, 4)) for part in parts) / count
    squares = sum((part.double() - mean[:, None, None, None]).square().sum(dim=(0, 2, 3, 4)) for part in parts)
    return mean, (squares / count).sqrt()


@torch.no_grad()
def encode(model: WholeClipVae, footage: Footage, device: str) -> Tensor:
    """[n, z, T, h, w] in half precision."""
    clips, batches = footage.load_pixels(), []
    size = max(1, FRAMES // clips.shape[1])
    for first in range(0, len(clips), size):
        pixels = torch.from_numpy(clips[first : first + size].copy()).to(device)
        pixels = pixels.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        batches.append(model.encode(pixels)[0].half())
        if len(batches) % 50 == 0:
            print(f"{first} of {len(clips)} {footage.name}", flush=True)
    return torch.cat(batches)


def main() -> None:
    options = argument_parser(__doc__).parse_args()
    workspace, preset = start(options)
    model = WholeClipVae(load_trained_vae(workspace.vae, preset).to(options.device))
    clips, stills = (encode(model, footage, options.device) for footage in (workspace.clips, workspace.stills))
    mean, deviation = (statistic.cpu().numpy() for statistic in statistics(clips))
    np.savez(
        workspace.latents, clips=clips.cpu().numpy(), stills=stills.cpu().numpy(), mean=mean.round(5),
        std=deviation.round(5),
    )  # fmt: skip
    print(f"deviations {deviation.min():.3f} to {deviation.max():.3f}")


if __name__ == "__main__":
    main()
