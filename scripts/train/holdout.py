#!/usr/bin/env python3
"""Which combinations no training may see, so that scripts/evaluate can ask for something new. Run it to list them.

One in ten of the combinations (shape, color, motion, scene) is held out, chosen by a hash of its words: the same ones
everywhere and for ever, also when the world gains shapes or scenes. A clip is held out if one of its subjects is.
"""

import argparse
import hashlib
import random
from itertools import product

from world import COLORS, MOTIONS, SCENES, SHAPES, Subject, World, sample

ONE_IN = 10


def is_held_out(subject: Subject, scene: str) -> bool:
    words = f"{subject.shape}/{subject.color}/{subject.motion}/{scene}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") % ONE_IN == 0


def sample_for_training(rng: random.Random) -> World:
    """The next world of which nothing is held out."""
    while True:
        world = sample(rng)
        if not any(is_held_out(subject, world.scene) for subject in world.subjects):
            return world


def sample_held_out(rng: random.Random, count: int) -> World:
    """The next world of `count` subjects, each of which is held out."""
    while True:
        world = sample(rng)
        if len(world.subjects) == count and all(is_held_out(subject, world.scene) for subject in world.subjects):
            return world


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for shape, color, motion, scene in product(SHAPES, COLORS, MOTIONS, SCENES):
        if is_held_out(Subject(shape, color, "medium", motion, 0, 0, 0), scene):
            print(f"{shape}/{color}/{motion}/{scene}")


if __name__ == "__main__":
    main()
