#!/usr/bin/env python3
"""Writes tests/data/frame_checker/red.pt: a TorchScript module as --frame-checker takes it. Its two scores are the mean
brightness of red and of blue, and it wipes the frame that it was shown, which must harm nobody.

The same bytes wherever it runs: a module that is defined by text holds no path of a source file."""

import sys
from pathlib import Path

import torch

FORWARD = """
def forward(self, frames: Tensor) -> Tensor:
    scores = torch.mean(frames.to(torch.float32) / 255.0, [0, 1, 2])
    frames.zero_()
    return torch.stack([scores[0], scores[2]])
"""


class Empty(torch.nn.Module):
    categories: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.categories = ["red", "blue"]


def main() -> int:
    folder = Path(__file__).resolve().parents[2] / "tests" / "data" / "frame_checker"
    folder.mkdir(parents=True, exist_ok=True)
    module = torch.jit.script(Empty())
    module.define(FORWARD)
    torch.jit.save(module, str(folder / "red.pt"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
