"""The folder in which a training run lives, and the options that all stages have."""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import T5TokenizerFast

from networks import PRESETS, Preset


@dataclass(frozen=True)
class Footage:
    """Clips of one length, or stills, which are clips of one frame: [n, frames, 128, 128, 3] uint8, and a line for each
    with the world that it shows, when it begins there, and captions of it."""

    folder: Path
    name: str

    @property
    def pixels(self) -> Path:
        return self.folder / f"{self.name}.npy"

    @property
    def lines(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def count(self) -> int:
        """Those that have a whole line, which is written after their pixels."""
        return self.lines.read_bytes().count(b"\n") if self.lines.exists() else 0

    def load_pixels(self) -> np.ndarray:
        """Mapped, not read; torch wants arrays that can be written to, hence copied on writing."""
        return np.load(self.pixels, mmap_mode="c")[: self.count()]

    def load_lines(self) -> list[dict]:
        """`world`, `begin` and `captions` of each."""
        lines = self.lines.read_text().split("\n")[:-1]  # what is behind the last end of a line is half a line
        return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Workspace:
    """Files of one run. `latents` holds those of clips and stills, and mean and std of each channel."""

    folder: Path

    @property
    def clips(self) -> Footage:
        return Footage(self.folder, "clips")

    @property
    def stills(self) -> Footage:
        return Footage(self.folder, "stills")

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
    def text_encoder(self) -> Path:
        return self.folder / "text_encoder.pt"

    @property
    def denoiser(self) -> Path:
        return self.folder / "denoiser.pt"

    def load_tokenizer(self) -> T5TokenizerFast:
        return T5TokenizerFast.from_pretrained(self.tokenizer)


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every stage has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, default=Path("build/tiny-world"), help="folder of this run (%(default)s)")
    parser.add_argument("--preset", choices=PRESETS, default="tiny-world", help="sizes of the networks (%(default)s)")
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
