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

    def count_clips(self) -> int:
        """Those that have a whole caption line, which is written after their pixels."""
        return self.captions.read_bytes().count(b"\n") if self.captions.exists() else 0

    def load_clips(self) -> np.ndarray:
        """Mapped, not read; torch wants arrays that can be written to, hence copied on writing."""
        return np.load(self.clips, mmap_mode="c")[: self.count_clips()]

    def load_captions(self) -> list[list[str]]:
        lines = self.captions.read_text().split("\n")[:-1]  # what is behind the last end of a line is half a line
        return [json.loads(line)["captions"] for line in lines]

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
    if options.device.startswith("cuda"):
        torch.set_float32_matmul_precision("high")  # TF32: of what autocast leaves alone, Muon's products are most
        torch.backends.cudnn.benchmark = True  # convolutions of few channels: the first guess is often a slow one
        torch.backends.cuda.enable_cudnn_sdp(False)  # plans anew for each shape; flash attention does not
    options.work.mkdir(parents=True, exist_ok=True)
    return Workspace(options.work), PRESETS[options.preset]
