#!/usr/bin/env python3
"""Makes the whole checkpoint from nothing: clips, tokenizer, VAE, latents, denoiser with its text encoder, folder.

Killed, it goes on where it was; done, it says how long it took on what. Options that it does not know go to both
trainings (--bfloat16, --compile and so on are theirs).
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

from workspace import Workspace, argument_parser

HERE = Path(__file__).parent
TRAININGS = ("train_vae", "train_denoiser")


class Stages:
    """Runs the stages in order; what is done is written down with its seconds, so that it is not done again."""

    def __init__(self, workspace: Workspace, common: list[str]) -> None:
        self._common, self._path = common, workspace.folder / "times.json"
        self.seconds: dict[str, float] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def run(self, name: str, *arguments: str) -> None:
        if name in self.seconds:
            return
        print(f"== {name}", flush=True)
        began = time.monotonic()
        subprocess.run([sys.executable, str(HERE / f"{name}.py"), *self._common, *arguments], check=True)
        self.seconds[name] = time.monotonic() - began
        self._path.write_text(json.dumps(self.seconds, indent=1) + "\n")


def parse_options() -> tuple[argparse.Namespace, list[str]]:
    parser = argument_parser(__doc__)
    parser.add_argument("out", type=Path, help="checkpoint folder to write; what is there is replaced")
    return parser.parse_known_args()


def trained_seconds(path: Path) -> float:
    """Of all runs that a training took."""
    return torch.load(path, weights_only=True, map_location="cpu", mmap=True)["seconds"]


def main() -> None:
    options, further = parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(options.work)
    common = [f"--{name}={getattr(options, name)}" for name in ("work", "preset", "edition", "threads", "device")]
    stages = Stages(workspace, common)
    for name in ("make_clips", "make_tokenizer", "train_vae", "encode_clips", "train_denoiser"):
        stages.run(name, *(further if name in TRAININGS else []))
    subprocess.run([sys.executable, str(HERE / "export.py"), *common, str(options.out)], check=True)
    trained = dict(train_vae=trained_seconds(workspace.vae), train_denoiser=trained_seconds(workspace.denoiser))
    for name, seconds in (stages.seconds | trained).items():
        print(f"{name}: {seconds:.0f} s")


if __name__ == "__main__":
    main()
