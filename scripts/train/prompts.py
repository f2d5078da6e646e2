"""What scripts/evaluate asks a checkpoint for: prompts of combinations that no training may see (holdout.py), from three
words to a paragraph, alone, for a minute, or with frames that are given."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holdout import sample_held_out
from judge import WINDOW, Verdict
from judge_score import EVERYTHING, answers
from render import render
from world import SCENES, World, caption

COUNTS = [1, 2, 1, 3, 1, 2, 3, 1, 2, 1]  # subjects of ten prompts
PLAIN = frozenset(["color", "shape", "motion", "scene"])
# What the prompts of each kind ask for.
KINDS = {"words": PLAIN - {"scene"}, "short": PLAIN, "sentence": EVERYTHING, "paragraph": EVERYTHING}


@dataclass(frozen=True)
class Prompt:
    world: World
    text: str
    kind: str
    asked: frozenset[str]
    seed: int

    def answers(self, verdict: Verdict) -> dict[str, list[bool]]:
        return answers(self.world, verdict, self.asked)


def make_prompt(index: int) -> Prompt:
    rng = random.Random(f"evaluate {index}")
    kind = list(KINDS)[(index + index // 10) % len(KINDS)]
    count = 1 if kind == "words" else COUNTS[index % 10]
    world = sample_held_out(rng, count)
    return Prompt(world, caption(world, rng, kind), kind, KINDS[kind], seed=1000 + index)


def make_minute_prompt(index: int) -> Prompt:
    """One subject, another scene each time."""
    rng = random.Random(f"evaluate minute {index}")
    while True:
        world = sample_held_out(rng, 1)
        if world.scene == list(SCENES)[index % len(SCENES)]:
            return Prompt(world, caption(world, rng, "short"), "short", PLAIN, seed=2000 + index)


def make_given_prompt(index: int) -> Prompt:
    """One subject or two, and all that is true of them: what is given must not contradict the prompt."""
    rng = random.Random(f"evaluate given {index}")
    world = sample_held_out(rng, 1 + index % 2)
    return Prompt(world, caption(world, rng, "sentence"), "sentence", PLAIN, seed=3000 + index)


def true_frames(world: World, count: int) -> NDArray[np.uint8]:
    """[count, 128, 128, 3]: what a perfect checkpoint might show."""
    return (render(world, count) * 255).round().astype(np.uint8)


@dataclass(frozen=True)
class GivenFrames:
    """Frames of a true clip of one window that the program is to go on from; the others it makes."""

    given: list[range]
    judged: range  # with as few given ones as the judge can do with
    flags: Callable[[Path], list[str]]  # of the true clip's file

    @property
    def borders(self) -> list[int]:
        """Frames before which what is given ends or begins."""
        is_given = [any(frame in part for part in self.given) for frame in range(WINDOW)]
        return [frame for frame in range(1, WINDOW) if is_given[frame - 1] != is_given[frame]]


def some_frames(first: int, last: int) -> Callable[[Path], list[str]]:
    return lambda clip: ["--given", f"{clip}#{first}-{last}@{first}"]


def flags_of(*parts: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
    return lambda clip: [flag for part in parts for flag in part(clip)]


LAST = WINDOW - 1
GIVEN = {
    "first image": GivenFrames([range(1)], range(WINDOW), some_frames(0, 0)),
    "both ends": GivenFrames([range(1), range(LAST, WINDOW)], range(WINDOW), flags_of(some_frames(0, 0), some_frames(LAST, LAST))),
    "middle gap": GivenFrames([range(9), range(25, WINDOW)], range(8, 25), flags_of(some_frames(0, 8), some_frames(25, LAST))),
}  # fmt: skip
