"""What both training loops share: reproducible steps, learning rates, states that survive a kill, a log."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def seed_step(seed: int, step: int) -> random.Random:
    """Makes a step's random numbers depend on its number alone, so that a resumed run is the uninterrupted one."""
    torch.manual_seed(seed * 1_000_003 + step)
    return random.Random(seed * 1_000_003 + step)


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

    def load(self, device: str) -> dict[str, Any] | None:
        """The last state: `step` and the weights it was saved with. Nothing at the beginning."""
        if not self._path.exists():
            return None
        state = torch.load(self._path, weights_only=True, map_location=device)
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._before = state["seconds"]
        return state

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._saved > self._every

    def save(self, step: int, **weights: dict[str, Any]) -> None:
        """Replaces the file in one go: a run that is killed while saving keeps the state before."""
        self._saved = time.monotonic()
        state = dict(
            step=step, seconds=self._before + self._saved - self._begun,
            optimizers=[optimizer.state_dict() for optimizer in self._optimizers], **weights,
        )  # fmt: skip
        partial = self._path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self._path)


class Log:
    """A smoothed measure, printed every `every` steps. Values stay on their device until then."""

    def __init__(self, every: int, memory: float) -> None:
        self._every, self._memory = every, memory
        self._average: Tensor | None = None
        self._started = time.monotonic()

    def add(self, value: Tensor) -> None:
        value = value.detach()
        self._average = value if self._average is None else self._average.lerp(value, 1 - self._memory)

    def write(self, step: int, say: Callable[[float], str]) -> None:
        """`say` makes words of the smoothed value."""
        if step % self._every == 0 and self._average is not None:
            text = say(float(self._average))
            print(f"step {step} after {time.monotonic() - self._started:.0f} s: {text}", flush=True)
