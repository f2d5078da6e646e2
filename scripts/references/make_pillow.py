#!/usr/bin/env python3
"""Writes tests/data/media/pillow.safetensors: pictures and what Pillow's resize makes of them.

`in.<n>` [H, W, 3]; `<filter>.<n>` [H', W', 3] is picture n resized."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

DATA = Path(__file__).resolve().parents[2] / "tests" / "data" / "media"
FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}
# (width, height) before and after: down, up, one axis only, by a lot, to and from a single pixel.
SIZES = [((53, 71), (48, 64)), ((60, 84), (28, 37)), ((48, 64), (99, 64)), ((48, 64), (48, 17)), ((31, 17), (80, 49)),
         ((233, 5), (7, 60)), ((64, 48), (1, 1)), ((1, 1), (5, 3)), ((40, 40), (40, 40))]  # fmt: skip


def main() -> None:
    random = np.random.default_rng(1)
    tensors = {}
    for n, (before, after) in enumerate(SIZES):
        # Half noise, half ramps: noise overshoots at both ends of 0..255.
        y, x = np.mgrid[0 : before[1], 0 : before[0]]
        ramps = np.stack([x * 5 % 256, y * 7 % 256, x * y // 3 % 256], axis=-1)
        noise = random.integers(0, 2, ramps.shape) * 255
        pixels = np.where((x < before[0] // 2)[..., None], ramps, noise).astype(np.uint8)
        tensors[f"in.{n}"] = torch.from_numpy(pixels)
        for name, kind in FILTERS.items():
            tensors[f"{name}.{n}"] = torch.from_numpy(np.array(Image.fromarray(pixels).resize(after, kind)))
    DATA.mkdir(parents=True, exist_ok=True)
    save_file(tensors, DATA / "pillow.safetensors")


if __name__ == "__main__":
    main()
