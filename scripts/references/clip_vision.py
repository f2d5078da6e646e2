#!/usr/bin/env python3
"""Writes tests/data/clip/cases.safetensors: what transformers makes of pictures with the image encoder of
tests/data/models/wan21_i2v.

picture.N [H, W, 3] and pixel_values.N [1, 3, 28, 28]; gelu, quick_gelu and bf16 [N, 5, 24]: hidden_states[-2] of all of
them, with either activation, and in bf16."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
# (width, height): wide, tall, of the very size, smaller, and with a side of odd length to cut.
SIZES = [(90, 31), (17, 64), (28, 28), (9, 11), (29, 28), (71, 40)]


def states(activation: str, pixels: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    folder = DATA / "models" / "wan21_i2v" / "image_encoder"
    config = CLIPVisionConfig.from_pretrained(folder, hidden_act=activation)
    model = CLIPVisionModel.from_pretrained(folder, config=config, dtype=dtype, local_files_only=True).eval()
    with torch.no_grad():
        return model(pixels.to(dtype), output_hidden_states=True).hidden_states[-2]


def main() -> None:
    processor = CLIPImageProcessor.from_pretrained(DATA / "models" / "wan21_i2v" / "image_processor")
    random = np.random.default_rng(3)
    tensors = {}
    for n, (width, height) in enumerate(SIZES):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        tensors[f"picture.{n}"] = torch.from_numpy(pixels)
        tensors[f"pixel_values.{n}"] = processor(Image.fromarray(pixels), return_tensors="pt").pixel_values
    batch = torch.cat([tensors[f"pixel_values.{n}"] for n in range(len(SIZES))])
    tensors["gelu"] = states("gelu", batch)
    tensors["quick_gelu"] = states("quick_gelu", batch)
    tensors["bf16"] = states("gelu", batch, torch.bfloat16)
    path = DATA / "clip" / "cases.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
