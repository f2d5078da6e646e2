#!/usr/bin/env python3
"""Renders a sheet of prompts through diffusers: a row a prompt, six moments of each clip."""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import WanPipeline
from PIL import Image

PROMPTS = [
    "a red ball bounces over a green meadow",
    "A large blue cube moves to the right over the sea.",
    "a yellow star spins under a starry night sky",
    "a green ring moves in a circle in front of a gray wall",
    "a purple triangle falls in falling snow",
    "an orange diamond pulses at sunset, the camera pans left",
    "a white ball rises and a red cube spins over a sandy desert",
]


def render_row(pipeline: WanPipeline, prompt: str, seed: int, options: argparse.Namespace) -> np.ndarray:
    """[128, 6·128, 3] uint8."""
    started = time.monotonic()
    frames = pipeline(
        prompt=prompt, height=128, width=128, num_frames=options.num_frames, num_inference_steps=options.steps,
        guidance_scale=options.guidance_scale, generator=torch.Generator().manual_seed(seed),
    ).frames[0]  # fmt: skip
    print(f"{prompt}: {time.monotonic() - started:.1f} s", flush=True)
    moments = np.linspace(0, len(frames) - 1, 6).round().astype(int)
    return (np.concatenate(list(frames[moments]), axis=1) * 255).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="checkpoint folder")
    parser.add_argument("out", type=Path, help="PNG file")
    parser.add_argument("--steps", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--guidance-scale", type=float, default=4.0, help="(%(default)s)")
    parser.add_argument("--num-frames", type=int, default=33, help="(%(default)s)")
    parser.add_argument("--prompts", nargs="+", default=PROMPTS, help="(seven of the world's)")
    options = parser.parse_args()
    pipeline = WanPipeline.from_pretrained(options.model, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    rows = [render_row(pipeline, prompt, seed, options) for seed, prompt in enumerate(options.prompts)]
    Image.fromarray(np.concatenate(rows)).save(options.out)


if __name__ == "__main__":
    main()
