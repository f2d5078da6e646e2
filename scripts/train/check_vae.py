#!/usr/bin/env python3
"""Checks a VAE on clips that are held out from training: how like they come back, and that nothing flickers where one
latent frame's four frames end and the next one's begin.

Through diffusers' own encode and decode, the means of the latents.
"""

import argparse
import math
import os
import random
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from holdout import sample_held_out
from networks import PRESETS, load_trained_vae
from render import render

FRAMES = 33
SEED = 77
LEAST_PSNR = 32.0
MOST_FLICKER = 1.1


def load(path: Path) -> AutoencoderKLWan:
    if path.is_dir():
        return AutoencoderKLWan.from_pretrained(path, torch_dtype=torch.float32).eval()
    return load_trained_vae(path, PRESETS["tiny-world"])


def psnr(difference: Tensor) -> float:
    """Of values in -1 to 1."""
    return -10 * math.log10(float(difference.square().mean()) / 4)


def change_errors(difference: Tensor) -> tuple[float, float]:
    """Mean error of the change from frame to frame, between two latent frames and inside of one; [3, T, H, W]."""
    errors = difference.diff(dim=1).abs().mean(dim=(0, 2, 3))
    at_border = torch.arange(len(errors)) % 4 == 0  # the first latent frame stands for one frame, the others for four
    return float(errors[at_border].mean()), float(errors[~at_border].mean())


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vae", type=Path, help="folder of a VAE in diffusers layout, or a training's vae.pt")
    parser.add_argument("--clips", type=int, default=40, help="how many (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads (all)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    vae, rng = load(options.vae), random.Random(SEED)
    qualities: dict[str, list[float]] = {}
    borders, insides = [], []
    for _ in range(options.clips):
        world = sample_held_out(rng, rng.choice([1, 1, 2]))
        pixels = torch.from_numpy(render(world, FRAMES)).permute(3, 0, 1, 2) * 2 - 1
        decoded = vae.decode(vae.encode(pixels[None]).latent_dist.mean).sample[0]
        difference = decoded.clamp(-1, 1) - pixels
        qualities.setdefault(world.scene, []).append(psnr(difference))
        border, inside = change_errors(difference)
        borders.append(border)
        insides.append(inside)
    for scene, values in sorted(qualities.items()):
        print(f"{scene:10} {sum(values) / len(values):.1f} dB, at worst {min(values):.1f} ({len(values)} clips)")
    every = [value for values in qualities.values() for value in values]
    mean, flicker = sum(every) / len(every), sum(borders) / sum(insides)
    print(f"{mean:.2f} dB on average; change from frame to frame is {flicker:.3f} times as wrong at borders as inside")
    if not (mean >= LEAST_PSNR and flicker <= MOST_FLICKER):
        raise SystemExit(f"{LEAST_PSNR} dB or more and {MOST_FLICKER} times or less were wanted")


if __name__ == "__main__":
    main()
