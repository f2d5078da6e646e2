#!/usr/bin/env python3
"""Checks that trainings which are cut off and go on end with the very weights of uninterrupted ones.

On the CPU: on a GPU sums are done in another order each time, and only the steps' random numbers are the same.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

import train_denoiser
import train_text_encoder
import train_vae
from training import Run

STEPS = 3


class CutOff(Exception):
    pass


class CutOffRun(Run):
    """Ends the training right after its first state."""

    def save(self, step: int, **weights: dict[str, Any]) -> None:
        super().save(step, **weights)
        raise CutOff


def train(stage: ModuleType, work: Path, run: type[Run], save_seconds: float) -> None:
    stage.Run = run
    sys.argv = [
        stage.__name__, "--work", str(work), "--preset", "smoke", "--device", "cpu", "--threads", "1",
        "--steps", str(STEPS), "--save-seconds", str(save_seconds),
    ]  # fmt: skip
    stage.main()


def tensors(state: Any) -> list[Tensor]:
    """All in it, in order."""
    if isinstance(state, Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state if isinstance(state, (list, tuple)) else []
    return [tensor for part in parts for tensor in tensors(part)]


def final_state(stage: ModuleType, data: Path, state: str, cut_off: bool) -> list[Tensor]:
    """What a training of a few steps leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for path in data.resolve().iterdir():
            if path.name != state:
                (work / path.name).symlink_to(path)
        if cut_off:
            try:
                train(stage, work, CutOffRun, save_seconds=0)
            except CutOff:
                pass
        train(stage, work, Run, save_seconds=1e9)
        return tensors(torch.load(work / state, weights_only=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of a run with --preset smoke")
    data = parser.parse_args().data
    stages = (train_vae, "vae.pt"), (train_text_encoder, "text_encoder.pt"), (train_denoiser, "denoiser.pt")
    for stage, state in stages:
        whole, resumed = (final_state(stage, data, state, cut_off) for cut_off in (False, True))
        if len(whole) != len(resumed) or not all(map(torch.equal, whole, resumed)):
            raise SystemExit(f"{stage.__name__}: the resumed run differs from the uninterrupted one")
        print(f"{stage.__name__}: the resumed run equals the uninterrupted one in {len(whole)} tensors")


if __name__ == "__main__":
    main()
