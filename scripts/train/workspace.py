"""The folder in which a training run lives, and the options that all stages have."""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import T5TokenizerFast

from editions import EDITIONS
from networks import PRESETS, Preset


@dataclass(frozen=True)
class Workspace:
    """Files of one run. `clips` is [n, frames, 128, 128, 3] uint8; `latents` holds z, mean and std."""

    folder: Path

    @property
    def clips(self) -> Path:
        return self.folder / "clips.npy"

    @property
    def captions(self) -> Path:
        return self.folder / "captions.jsonl"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer"

    @property
    def vae(self) -> Path:
        return self.folder / "vae.pt"

    @property
    def latents(self) -> Path:
        return self.folder / "latents.npz"

    @property
    def denoiser(self) -> Path:
        return self.folder / "denoiser.pt"

    def load_clips(self) -> np.ndarray:
        """The clips that have a caption line; the last line may belong to a clip half written."""
        return np.load(self.clips, mmap_mode="r")[: len(self.load_captions())]

    def load_captions(self) -> list[list[str]]:
        return [json.loads(line)["captions"] for line in self.captions.read_text().splitlines()]

    def load_tokenizer(self) -> T5TokenizerFast:
        return T5TokenizerFast.from_pretrained(self.tokenizer)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every stage has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, default=Path("build/tiny-world"), help="folder of this run (%(default)s)")
    parser.add_argument("--preset", choices=PRESETS, default="tiny-world", help="sizes of the networks (%(default)s)")
    parser.add_argument("--edition", type=int, choices=EDITIONS, default=2, help="of the world (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads (all)")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=device, help="of the networks (%(default)s)")
    return parser


def start(options: argparse.Namespace) -> tuple[Workspace, Preset]:
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    return Workspace(options.work), PRESETS[options.preset]
