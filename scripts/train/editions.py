"""The two editions of the world, and what the stages need of each."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import NDArray

import rich_render
import rich_world
import world
from rich_world import RichWorld
from world import World

LEVELS = ("words", "short", "sentence", "sentence", "paragraph", "paragraph")  # of a rich clip's captions
SHOWN_FPS = 8


@dataclass(frozen=True)
class Edition:
    """`caption` takes the caption's number: those of one clip may differ in how much they tell. Of `fps` frames is a second
    of the world's time; SHOWN_FPS are shown in a second."""

    sample: Callable[[random.Random], World | RichWorld]
    caption: Callable[[World | RichWorld, random.Random, int], str]
    render: Callable[..., NDArray]
    fps: int


def plain_caption(plain: World, rng: random.Random, _: int) -> str:
    return world.caption(plain, rng)


def rich_caption(rich: RichWorld, rng: random.Random, index: int) -> str:
    return rich_world.caption(rich, rng, LEVELS[index % len(LEVELS)])


EDITIONS = {
    1: Edition(world.sample, plain_caption, world.render, fps=SHOWN_FPS),
    2: Edition(rich_world.sample, rich_caption, rich_render.render, fps=rich_world.FPS),
}
TRAINED = EDITIONS[2]  # what the stages of training show
