#!/usr/bin/env python3
"""Encodes all clips; the mean and deviation of each latent channel go into the VAE's config."""

import numpy as np
import torch

from networks import make_vae
from whole_clip_vae import WholeClipVae
from workspace import argument_parser, start

BATCH = 4


@torch.no_grad()
def main() -> None:
    options = argument_parser(__doc__).parse_args()
    workspace, preset = start(options)
    vae = make_vae(preset)
    vae.load_state_dict(torch.load(workspace.vae, weights_only=True, map_location="cpu")["vae"])
    model = WholeClipVae(vae.eval().to(options.device))
    clips = workspace.load_clips()
    batches = []
    for first in range(0, len(clips), BATCH):
        pixels = torch.from_numpy(clips[first : first + BATCH].copy()).to(options.device)
        pixels = pixels.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        batches.append(model.encode(pixels)[0].half().cpu().numpy())
        if first % 400 == 0:
            print(f"clip {first} of {len(clips)}", flush=True)
    latents = np.concatenate(batches)  # [n, z, T, h, w]
    mean, deviation = (statistic(axis=(0, 2, 3, 4), dtype=np.float64) for statistic in (latents.mean, latents.std))
    np.savez(workspace.latents, z=latents, mean=mean.round(5), std=deviation.round(5))
    print(f"deviations {deviation.min():.3f} to {deviation.max():.3f}")


if __name__ == "__main__":
    main()
