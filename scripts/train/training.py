"""What both training loops share: reproducible steps, learning rates, states that survive a kill, a log."""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer


Phase = TypeVar("Phase")


def seed_step(seed: int, step: int) -> random.Random:
    """Makes a step's random numbers depend on its number alone, so that a resumed run is the uninterrupted one."""
    torch.manual_seed(seed * 1_000_003 + step)
    return random.Random(seed * 1_000_003 + step)


def add_training_options(parser: argparse.ArgumentParser, batch_of: str) -> None:
    parser.add_argument("--batch", type=int, help=f"{batch_of} a step (the preset's)")
    parser.add_argument("--steps", type=int, help="in all (the preset's)")
    parser.add_argument("--seconds", type=float, help="instead of steps: how long in all, kills and resumes included")
    parser.add_argument("--bfloat16", action="store_true", help="for GPUs, and CPUs with AMX")
    parser.add_argument("--compile", action="store_true", help="by torch.compile: for GPUs")
    parser.add_argument("--save-seconds", type=float, default=120, help="between two states (%(default)s)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")


def set_learning_rate(optimizers: list[Optimizer], share: float) -> None:
    """A share of the rate that each group was made with."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = share * group.setdefault("full_lr", group["lr"])


class Run:
    """One training run: goes on from its last state, saves every so often, knows how long it took in all."""

    def __init__(self, path: Path, optimizers: list[Optimizer], every_seconds: float) -> None:
        self._path, self._optimizers, self._every = path, optimizers, every_seconds
        self._begun = self._saved = time.monotonic()
        self._before = 0.0

    def load(self) -> dict[str, Any] | None:
        """The last state: `step` and the weights it was saved with. Nothing at the beginning."""
        if not self._path.exists():
            return None
        # To the CPU: each optimizer moves what it wants elsewhere. AdamW's counts of steps have to stay, or a GPU is
        # waited for once a parameter and step.
        state = torch.load(self._path, weights_only=True, map_location="cpu")
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._before = state["seconds"]
        return state

    @property
    def seconds(self) -> float:
        """Of all runs up to now."""
        return self._before + time.monotonic() - self._begun

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._saved > self._every

    def save(self, step: int, **weights: dict[str, Any]) -> None:
        """Replaces the file in one go: a run that is killed while saving keeps the state before."""
        self._saved = time.monotonic()
        state = dict(
            step=step, seconds=self.seconds,
            optimizers=[optimizer.state_dict() for optimizer in self._optimizers], **weights,
        )  # fmt: skip
        partial = self._path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self._path)


@dataclass(frozen=True)
class Length:
    """Of a training: in steps, which can be repeated, or in seconds, for machines that are lent for so long."""

    steps: int
    seconds: float | None

    def share(self, step: int, run: Run) -> float:
        """What is done of it before this step."""
        return run.seconds / self.seconds if self.seconds else step / self.steps


def phase(phases: dict[float, Phase], share: float) -> Phase:
    """Of what begins at which shares of a run: what it is at, this share done."""
    return phases[max(begin for begin in phases if begin <= share)]


class Log:
    """Smoothed measures, printed every `every` steps. Values stay on their device until then."""

    def __init__(self, every: int, memory: float) -> None:
        self._every, self._memory = every, memory
        self._average: Tensor | None = None
        self._started = time.monotonic()

    def add(self, value: Tensor) -> None:
        value = value.detach()
        self._average = value if self._average is None else self._average.lerp(value, 1 - self._memory)

    def write(self, step: int, say: Callable[..., str]) -> None:
        """`say` makes words of the smoothed measures."""
        if step % self._every == 0 and self._average is not None:
            text = say(*self._average.flatten().tolist())
            print(f"step {step} after {time.monotonic() - self._started:.0f} s: {text}", flush=True)
