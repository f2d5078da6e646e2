#!/usr/bin/env python3
"""A small procedural world of captioned clips: one or two moving shapes over a scene, seen by a camera.

Coordinates: x to the right, y down, the picture is [-1, 1] in both; t in seconds. Run it to see a sheet of clips.
"""

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Color = tuple[float, float, float]

COLORS: dict[str, Color] = {
    "red": (0.86, 0.15, 0.15), "orange": (0.96, 0.55, 0.10), "yellow": (0.97, 0.86, 0.18),
    "green": (0.15, 0.62, 0.22), "blue": (0.15, 0.32, 0.85), "purple": (0.52, 0.20, 0.70),
    "pink": (0.97, 0.50, 0.70), "white": (0.96, 0.96, 0.96), "black": (0.07, 0.07, 0.08),
}  # fmt: skip
RADII = {"small": 0.13, "medium": 0.19, "large": 0.27}
SHAPES = {
    "ball": ["ball", "sphere"], "cube": ["cube", "box", "square"], "triangle": ["triangle", "pyramid"],
    "star": ["star"], "ring": ["ring", "hoop"], "diamond": ["diamond", "gem"],
}  # fmt: skip
MOTIONS = {
    "still": ["stays still", "rests", "does not move"],
    "right": ["moves to the right", "drifts to the right", "travels from left to right"],
    "left": ["moves to the left", "drifts to the left", "travels from right to left"],
    "up": ["rises", "floats up", "moves upward"],
    "down": ["falls", "sinks down", "moves downward"],
    "bounce": ["bounces", "bounces up and down"],
    "sway": ["slides back and forth", "swings from side to side"],
    "circle": ["moves in a circle", "circles around"],
    "pulse": ["grows and shrinks", "pulses"],
    "spin": ["spins", "rotates in place"],
}
SCENES = {
    "meadow": ["over a green meadow", "above a grassy field"],
    "sea": ["over the sea", "above blue waves"],
    "night": ["under a starry night sky", "at night under the stars"],
    "sunset": ["at sunset", "in front of a glowing sunset"],
    "snow": ["in falling snow", "over a snowy field"],
    "desert": ["over a sandy desert", "above the dunes"],
    "gray": ["in front of a gray wall", "on a plain gray background"],
}
CAMERAS = {
    "static": ["", "", "the camera is still"],
    "pan left": ["the camera pans left"],
    "pan right": ["the camera pans right"],
}
PAN_SPEED = {"static": 0.0, "pan left": -0.45, "pan right": 0.45}


@dataclass(frozen=True)
class Subject:
    shape: str
    color: str
    size: str
    motion: str
    phase: float
    x: float
    y: float


@dataclass(frozen=True)
class World:
    subjects: list[Subject]
    scene: str
    camera: str
    seed: int  # of hills, stars and snowflakes


# ---------------------------------------------------------------------------------------------------------- sampling


def sample(rng: random.Random) -> World:
    """A random world. The order of draws is part of the format: clip n must be the same clip everywhere."""
    count = 1 if rng.random() < 0.7 else 2
    colors = rng.sample(list(COLORS), count)
    shapes = rng.sample(list(SHAPES), count)
    sizes = list(RADII) if count == 1 else ["small", "medium"]
    subjects = [
        Subject(
            shape=shapes[index], color=colors[index], size=rng.choice(sizes), motion=rng.choice(list(MOTIONS)),
            phase=rng.uniform(0, 6.28), x=rng.uniform(-0.2, 0.2), y=rng.uniform(-0.2, 0.15),
        )
        for index in range(count)
    ]  # fmt: skip
    camera = rng.choice(["static"] * 5 + ["pan left", "pan right"])
    return World(subjects, scene=rng.choice(list(SCENES)), camera=camera, seed=rng.randrange(1000))


def with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def describe(subject: Subject, rng: random.Random) -> str:
    mentions_size = rng.random() < 0.8 and (subject.size != "medium" or rng.random() >= 0.7)
    size = subject.size + " " if mentions_size else ""
    return f"{size}{subject.color} {rng.choice(SHAPES[subject.shape])}"


def caption(world: World, rng: random.Random) -> str:
    """One of the many sentences that say what is seen."""
    actions = [
        with_article(describe(subject, rng)) + " " + rng.choice(MOTIONS[subject.motion]) for subject in world.subjects
    ]
    joiner = " while " if rng.random() < 0.5 else " and "
    text = joiner.join(actions) + " " + rng.choice(SCENES[world.scene])
    camera = rng.choice(CAMERAS[world.camera])
    if camera:
        text += ", " + camera
    if rng.random() < 0.5:
        text = text[0].upper() + text[1:] + "."
    return text


# ------------------------------------------------------------------------------------------------------- backgrounds


@dataclass(frozen=True)
class View:
    """What a background is painted for: coordinates of all pixels, the time and how far the camera has panned."""

    x: Array
    y: Array
    time: float
    pan: float
    seed: int

    @property
    def height(self) -> Array:
        """0 at the top of the picture, 1 at its bottom."""
        return (self.y + 1) / 2


def gradient(start: Color, end: Color, weight: Array) -> Array:
    """[H, W, 3]: from `start` where the weight is 0 to `end` where it is 1."""
    weight = weight[..., None]
    return np.array(start, np.float32) * (1 - weight) + np.array(end, np.float32) * weight


def below(sky: Array, ground: Array | Color, depth: Array, sharpness: float) -> Array:
    """`ground` where the depth under the horizon is positive, with a soft edge."""
    mask = (1 / (1 + np.exp(-np.clip(depth * sharpness, -80, 80))))[..., None]
    return sky * (1 - mask) + np.asarray(ground, np.float32) * mask


def wrapped(position: float, half: float) -> float:
    """Leaves the picture on one side, comes back on the other."""
    return (position + half) % (2 * half) - half


def around(x: Array, y: Array, place: tuple[float, float], reach: float) -> tuple[slice, slice]:
    """Rows and columns of the pixels that are no farther from the place than `reach`, across or down."""
    row_ends = np.searchsorted(y[:, 0], (place[1] - reach, place[1] + reach))
    column_ends = np.searchsorted(x[0], (place[0] - reach, place[0] + reach))
    return slice(*row_ends), slice(*column_ends)


def spot(view: View, place: tuple[float, float], sharpness: float) -> tuple[tuple[slice, slice], Array]:
    """A soft point of light: where it is seen, and how bright it is there, [h, w, 1]."""
    part = around(view.x, view.y, place, reach=float(np.sqrt(24 / sharpness)))
    distance = (view.x[part] - place[0]) ** 2 + (view.y[part] - place[1]) ** 2
    return part, np.exp(-distance * sharpness)[..., None]


def meadow(view: View) -> Array:
    sky = gradient((0.45, 0.72, 0.95), (0.80, 0.92, 0.99), np.clip(view.height / 0.6, 0, 1))
    depth = view.y - (0.25 + 0.10 * np.sin(2.1 * view.x + view.seed))
    grass = gradient((0.36, 0.66, 0.26), (0.18, 0.45, 0.14), np.clip(depth / 0.8, 0, 1))
    return below(sky, grass, depth, 60)


def sea(view: View) -> Array:
    sky = gradient((0.55, 0.78, 0.96), (0.88, 0.95, 0.99), np.clip(view.height / 0.55, 0, 1))
    swell = view.y + 0.04 * np.sin(5 * view.x + 2 * view.time + view.seed)
    waves = 0.5 + 0.5 * np.sin(14 * swell * (1.3 - view.y * 0.4) + 3 * view.time)
    water = gradient((0.05, 0.28, 0.55), (0.16, 0.48, 0.74), np.clip(waves, 0, 1))
    return below(sky, water, view.y - 0.1, 80)


def night(view: View) -> Array:
    image = gradient((0.02, 0.02, 0.10), (0.10, 0.08, 0.24), view.height)
    stars = np.random.RandomState(view.seed * 7919 % 100003)
    for _ in range(26):
        x = wrapped(stars.uniform(-1.3, 1.3) - view.pan, 1.3) + view.pan
        y = stars.uniform(-1.0, 1.0)
        twinkle = 0.75 + 0.25 * np.sin(3 * view.time + stars.uniform(0, 6))
        part, light = spot(view, (x, y), 1400)
        image[part] += twinkle * light
    return image


def sunset(view: View) -> Array:
    image = gradient((0.35, 0.16, 0.42), (0.98, 0.55, 0.22), np.clip(view.height * 1.2, 0, 1))
    distance = np.hypot(view.x - 0.35 * np.sin(view.seed), view.y - 0.35)
    glow = (np.clip(1 - distance / 0.9, 0, 1) ** 2)[..., None]
    return below(image + glow * np.array((0.35, 0.25, 0.05)), (0.14, 0.07, 0.16), view.y - 0.62, 70)


def snow(view: View) -> Array:
    sky = gradient((0.66, 0.74, 0.84), (0.86, 0.90, 0.95), view.height)
    image = below(sky, (0.95, 0.97, 1.0), view.y - 0.5 - 0.05 * np.sin(3 * view.x + view.seed), 60)
    flakes = np.random.RandomState(view.seed * 104729 % 100003)
    for _ in range(22):
        x = wrapped(flakes.uniform(-1.2, 1.2) - view.pan, 1.2) + view.pan
        y = wrapped(flakes.uniform(-1.2, 1.2) + 0.8 * view.time, 1.2)
        drift = 0.05 * np.sin(2 * view.time + x * 9)
        part, light = spot(view, (x + drift, y), 900)
        image[part] += 0.6 * light
    return image


def desert(view: View) -> Array:
    sky = gradient((0.98, 0.80, 0.52), (0.99, 0.92, 0.76), np.clip(view.height / 0.6, 0, 1))
    dunes = 0.2 + 0.12 * np.sin(1.7 * view.x + view.seed) + 0.05 * np.sin(4.3 * view.x + 2 * view.seed)
    sand = gradient((0.90, 0.70, 0.40), (0.72, 0.50, 0.26), np.clip((view.y - dunes) / 0.8, 0, 1))
    return below(sky, sand, view.y - dunes, 60)


def gray(view: View) -> Array:
    return gradient((0.62, 0.62, 0.64), (0.46, 0.46, 0.48), view.height)


BACKGROUNDS: dict[str, Callable[[View], Array]] = {
    "meadow": meadow, "sea": sea, "night": night, "sunset": sunset, "snow": snow, "desert": desert, "gray": gray,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- subjects


def star_distance(x: Array, y: Array, radius: float) -> Array:
    """Distance to the edge from an outer tip to an inner corner, the star folded onto one tenth of itself."""
    sector = 2 * np.pi / 5
    angle = np.arctan2(x, -y)
    folded = np.abs((angle + sector / 2) % sector - sector / 2)
    distance = np.hypot(x, y)
    across, along = distance * np.sin(folded), distance * np.cos(folded)
    inner_along, inner_across = 0.48 * radius * np.cos(sector / 2), 0.48 * radius * np.sin(sector / 2)
    normal_along, normal_across = inner_across, -(inner_along - radius)
    length = np.hypot(normal_along, normal_across)
    return ((along - radius) * normal_along + across * normal_across) / length


def signed_distance(shape: str, x: Array, y: Array, radius: float) -> Array:
    """Negative inside the shape."""
    if shape == "ball":
        return np.hypot(x, y) - radius
    if shape == "ring":
        return np.abs(np.hypot(x, y) - radius * 0.78) - radius * 0.24
    if shape == "cube":
        return np.maximum(np.abs(x), np.abs(y)) - radius * 0.86
    if shape == "diamond":
        return (np.abs(x) * 1.25 + np.abs(y) * 0.85) - radius * 0.95
    if shape == "triangle":
        sides = np.maximum(0.87 * x - 0.5 * y, -0.87 * x - 0.5 * y) - radius * 0.62
        return np.maximum(y - radius * 0.65, sides)
    return star_distance(x, y, radius)


@dataclass(frozen=True)
class Pose:
    x: float
    y: float
    radius: float
    angle: float


def pose(subject: Subject, place: int, count: int, time: float) -> Pose:
    """Where the subject is at `time`. Motions are endless, so that a clip of any length can be made."""
    x = subject.x + (0 if count == 1 else (-0.45, 0.45)[place])
    y, radius, angle, phase = subject.y, RADII[subject.size] * 1.25, 0.0, subject.phase
    if subject.motion == "right":
        x = wrapped(x + 0.5 * time - 0.6 + phase / 7, 1.45)
    elif subject.motion == "left":
        x = wrapped(x - 0.5 * time + 0.6 - phase / 7, 1.45)
    elif subject.motion == "up":
        y = wrapped(y - 0.5 * time + 0.5 - phase / 7, 1.45)
    elif subject.motion == "down":
        y = wrapped(y + 0.5 * time - 0.5 + phase / 7, 1.45)
    elif subject.motion == "bounce":
        y += 0.35 - 0.75 * abs(np.sin(2.2 * time + phase))
    elif subject.motion == "sway":
        x += (0.5 if count == 1 else 0.3) * np.sin(1.9 * time + phase)
    elif subject.motion == "circle":
        x += 0.35 * np.cos(2.0 * time + phase)
        y += 0.35 * np.sin(2.0 * time + phase)
    elif subject.motion == "pulse":
        radius *= 1.0 + 0.4 * np.sin(2.4 * time + phase)
    elif subject.motion == "spin":
        angle = 2.2 * time + phase
    return Pose(x, y, radius, angle)


def cover(shape: str, at: Pose, x: Array, y: Array, size: int | None = None) -> Array:
    """[H, W], 1 inside the shape, its edge smoothed over two pixels; `size`: of the picture, where x and y are a part."""
    x, y = x - at.x, y - at.y
    if at.angle:
        cosine, sine = np.cos(at.angle), np.sin(at.angle)
        x, y = cosine * x + sine * y, -sine * x + cosine * y
    return np.clip(0.5 - signed_distance(shape, x, y, at.radius) * (size or len(x)) / 2, 0, 1)


def paint(image: Array, subject: Subject, at: Pose, x: Array, y: Array) -> Array:
    """Lays the subject over the image, lit from above left."""
    light = np.clip(1.06 - 0.30 * ((x - at.x) * 0.5 + y - at.y) / at.radius, 0.62, 1.25)[..., None]
    covered = cover(subject.shape, at, x, y)[..., None]
    return image * (1 - covered) + np.clip(np.array(COLORS[subject.color], np.float32) * light, 0, 1) * covered


def picture(size: int) -> tuple[Array, Array]:
    """x and y of all pixels, each [size, size]."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    return (columns + 0.5) / size * 2 - 1, (rows + 0.5) / size * 2 - 1


def render(world: World, frames: int, size: int = 128, fps: int = 8) -> NDArray[np.float32]:
    """[frames, size, size, 3] in 0 to 1. The camera passes over the background; subjects keep their place in view."""
    x, y = picture(size)
    video = np.zeros((frames, size, size, 3), np.float32)
    for frame in range(frames):
        time = frame / fps
        pan = PAN_SPEED[world.camera] * time
        image = np.clip(BACKGROUNDS[world.scene](View(x + pan, y, time, pan, world.seed)), 0, 1)
        for place, subject in enumerate(world.subjects):
            image = paint(image, subject, pose(subject, place, len(world.subjects), time), x, y)
        video[frame] = image
    return video


def main() -> None:
    from PIL import Image

    parser = argparse.ArgumentParser(description="Writes a sheet of eight random clips and prints their captions.")
    parser.add_argument("out", type=Path, help="PNG file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    strips = []
    for _ in range(8):
        world = sample(rng)
        strips.append(np.concatenate(list(render(world, 17)[::4]), axis=1))
        print(caption(world, rng))
    Image.fromarray((np.concatenate(strips) * 255).round().astype(np.uint8)).save(options.out)


if __name__ == "__main__":
    main()
