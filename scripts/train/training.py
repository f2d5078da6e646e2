"""What both training loops share: reproducible steps, learning rates, states that survive a kill, a log."""

import random
import time
from pathlib import Path
from typing import Any

import torch
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


def save_state(path: Path, step: int, optimizers: list[Optimizer], **weights: dict[str, Any]) -> None:
    """Replaces the file in one go: a run that is killed while saving keeps the state before."""
    partial = path.with_suffix(".part")
    torch.save(dict(step=step, optimizers=[optimizer.state_dict() for optimizer in optimizers], **weights), partial)
    partial.replace(path)


def load_state(path: Path, optimizers: list[Optimizer]) -> dict[str, Any]:
    state = torch.load(path, weights_only=True)
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return state


class Log:
    """A smoothed measure, printed every `every` steps."""

    def __init__(self, every: int, memory: float) -> None:
        self._every, self._memory = every, memory
        self._average: float | None = None
        self._started = time.monotonic()

    def smooth(self, value: float) -> float:
        old = value if self._average is None else self._average
        self._average = self._memory * old + (1 - self._memory) * value
        return self._average

    def write(self, step: int, text: str) -> None:
        if step % self._every == 0:
            print(f"step {step} after {time.monotonic() - self._started:.0f} s: {text}", flush=True)
