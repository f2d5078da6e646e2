#!/usr/bin/env python3
"""A procedural world of captioned clips: up to three moving shapes that stand in relations, hide each other, leave and
come back, over a scene that a camera sees; captions from three words to a paragraph. How it looks is in `render.py`.

Coordinates: x to the right, y down, the picture is [-1, 1] in both; t in seconds. Run it to see a sheet of clips.
"""

import argparse
import random
from dataclasses import dataclass, replace
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
    "visit": ["leaves and comes back", "goes away and returns", "comes and goes"],
}
SCENES = {
    "meadow": ["over a green meadow", "above a grassy field"],
    "sea": ["over the sea", "above blue waves"],
    "night": ["under a starry night sky", "at night under the stars"],
    "sunset": ["at sunset", "in front of a glowing sunset"],
    "snow": ["in falling snow", "over a snowy field"],
    "desert": ["over a sandy desert", "above the dunes"],
    "gray": ["in front of a gray wall", "on a plain gray background"],
    "grass": ["in tall waving grass", "in grass that waves in the wind"],
    "nightfall": ["as day turns to night", "at nightfall"],
}
CAMERAS = {
    "static": ["", "", "the camera is still"],
    "pan left": ["the camera pans left"],
    "pan right": ["the camera pans right"],
    "zoom in": ["the camera zooms in", "the camera comes closer"],
    "zoom out": ["the camera zooms out", "the camera backs away"],
}
RELATIONS = {
    "left of": ["to the left of", "left of"],
    "behind": ["behind", "partly hidden by"],
    "larger": ["larger than", "bigger than"],
}
# For captions of three words, and for what only a paragraph tells.
SHORT_MOTIONS = {
    "still": "rests", "right": "moves right", "left": "moves left", "up": "rises", "down": "falls", "bounce": "bounces",
    "sway": "swings", "circle": "circles", "pulse": "pulses", "spin": "spins", "visit": "returns",
}  # fmt: skip
DETAILS = {
    "meadow": "Soft hills lie under a blue sky.", "sea": "Waves roll towards the horizon.",
    "night": "Small stars twinkle in the dark.", "sunset": "The low sun glows over dark land.",
    "snow": "White flakes fall and drift.", "desert": "Golden dunes stretch far away.",
    "gray": "The wall behind is plain.", "grass": "The wind goes through the grass in waves.",
    "nightfall": "The sky grows dark and the stars come out.",
}  # fmt: skip
LEVELS = ("words", "short", "sentence", "paragraph")
CLIP_LEVELS = ("words", "short", "sentence", "sentence", "paragraph", "paragraph")  # of the captions of one clip

SHOWN_FPS = 8
# Frames of a second of the world's time. Shown at half of that, all goes slowly: four frames become one latent frame, and a
# fast subject was in four places there.
FPS = 16
PAN_SPEED = {"static": 0.0, "pan left": -0.45, "pan right": 0.45}
ZOOM_SECONDS = 5.0
ZOOM = {"zoom in": (1.0, 1.4), "zoom out": (1.4, 1.0)}  # never below 1: what wraps around the picture does so unseen
IN_PLACE = ("still", "bounce", "pulse", "spin", "up", "down")  # left stays left
UNMOVED = ("still", "pulse", "spin")
FIRM = {"pulse": "still"}  # larger stays larger


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
class Relation:
    """Subject `one` is `kind` subject `other`."""

    kind: str
    one: int
    other: int


@dataclass(frozen=True)
class World:
    subjects: list[Subject]  # from far to near; x and y are their places in the picture
    relations: list[Relation]
    scene: str
    camera: str
    seed: int


# ------------------------------------------------------------------------------------------------------------- sampling


def sample(rng: random.Random) -> World:
    """A random world. The order of draws is part of the format: clip n must be the same clip everywhere."""
    count = rng.choice([1, 1, 1, 1, 2, 2, 2, 3, 3])
    places = {1: [0.0], 2: [-0.45, 0.45], 3: [-0.6, 0.0, 0.6]}[count]
    colors, shapes = rng.sample(list(COLORS), count), rng.sample(list(SHAPES), count)
    subjects = [
        Subject(
            shape, color, rng.choice(list(RADII) if count == 1 else ["small", "medium"]), rng.choice(list(MOTIONS)),
            phase=rng.uniform(0, 6.28), x=place + rng.uniform(-0.12, 0.12), y=rng.uniform(-0.2, 0.25),
        )
        for place, shape, color in zip(places, shapes, colors)
    ]  # fmt: skip
    relations = []
    if count > 1 and rng.random() < 0.75:
        relation = Relation(rng.choice(list(RELATIONS)), 0, 1)
        subjects[:2] = relate(subjects[0], subjects[1], relation.kind, rng)
        relations.append(relation)
    camera = rng.choice(["static"] * 5 + [name for name in CAMERAS if name != "static"])
    return World(subjects, relations, rng.choice(list(SCENES)), camera, seed=rng.randrange(1000))


def relate(one: Subject, other: Subject, kind: str, rng: random.Random) -> list[Subject]:
    """The two, changed so that the relation holds for as long as the clip lasts."""
    if kind == "left of":
        return [replace(subject, motion=rng.choice(IN_PLACE)) for subject in (one, other)]
    if kind == "larger":
        one, other = (replace(subject, motion=FIRM.get(subject.motion, subject.motion)) for subject in (one, other))
        return [replace(one, size=rng.choice(["medium", "large"])), replace(other, size="small")]
    apart = 0.7 * (RADII[one.size] + RADII[other.size]) * rng.choice([-1, 1])
    other = replace(other, motion=rng.choice(UNMOVED))
    return [replace(one, motion=rng.choice(UNMOVED), x=other.x + apart, y=other.y - 0.06), other]


# ---------------------------------------------------------------------------------------------------------------- poses


@dataclass(frozen=True)
class Pose:
    x: float
    y: float
    radius: float
    angle: float


def wrapped(position: float, half: float) -> float:
    """Leaves the picture on one side, comes back on the other."""
    return (position + half) % (2 * half) - half


def place_at(subject: Subject, time: float) -> Pose:
    """Where the subject is. Motions are endless, so that a clip of any length can be made."""
    x, y, radius, angle, phase = subject.x, subject.y, RADII[subject.size] * 1.25, 0.0, subject.phase
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
        x += 0.5 * np.sin(1.9 * time + phase)
    elif subject.motion == "circle":
        x += 0.35 * np.cos(2.0 * time + phase)
        y += 0.35 * np.sin(2.0 * time + phase)
    elif subject.motion == "pulse":
        radius *= 1.0 + 0.4 * np.sin(2.4 * time + phase)
    elif subject.motion == "spin":
        angle = 2.2 * time + phase
    elif subject.motion == "visit":
        sense = 1 if phase < np.pi else -1  # every second one begins on its way to the right
        x = float(x + sense * 1.6 * np.sin(1.3 * time + phase / 25))
    return Pose(x, y, radius, angle)


def zoom_at(camera: str, time: float) -> float:
    """From one factor to the other in some seconds, softly; then it stays."""
    first, last = ZOOM.get(camera, (1.0, 1.0))
    share = min(time / ZOOM_SECONDS, 1.0)
    return first * (last / first) ** (share * share * (3 - 2 * share))


# ------------------------------------------------------------------------------------------------------------- captions


def with_article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def name_of(subject: Subject, rng: random.Random, with_size: bool) -> str:
    size = subject.size + " " if with_size else ""
    return f"{size}{subject.color} {rng.choice(SHAPES[subject.shape])}"


def caption(world: World, rng: random.Random, level: str) -> str:
    """`words` name little more than subjects, `paragraph` tells all there is."""
    if level == "words":
        subject = rng.choice(world.subjects)
        return f"{name_of(subject, rng, False)} {SHORT_MOTIONS[subject.motion]}"
    names = [name_of(subject, rng, with_size=level != "short") for subject in world.subjects]
    motions = [rng.choice(MOTIONS[subject.motion]) for subject in world.subjects]
    actions = [f"{with_article(name)} {motion}" for name, motion in zip(names, motions)]
    scene, camera = rng.choice(SCENES[world.scene]), rng.choice(CAMERAS[world.camera])
    related = [
        f"the {names[relation.one]} is {rng.choice(RELATIONS[relation.kind])} the {names[relation.other]}"
        for relation in world.relations
    ]
    if level == "paragraph":
        sentences = [f"It is a clip {scene}", *actions, *related, camera]
        text = ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences if sentence) + "."
        return f"{text} {DETAILS[world.scene]}"
    joined = ", ".join(actions[:-1]) + rng.choice([" and ", " while "]) if len(actions) > 1 else ""
    text = f"{joined}{actions[-1]} {scene}"
    if level == "sentence":
        text = ", ".join([text, *related, *([camera] if camera else [])])
    return text[0].upper() + text[1:] + "." if rng.random() < 0.5 else text


def main() -> None:
    from PIL import Image

    from render import render

    parser = argparse.ArgumentParser(description="Writes a sheet of eight random clips and prints their captions.")
    parser.add_argument("out", type=Path, help="PNG file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    strips = []
    for _ in range(8):
        world = sample(rng)
        strips.append(np.concatenate(list(render(world, 33)[::8]), axis=1))
        for level in LEVELS:
            print(f"{level}: {caption(world, rng, level)}")
        print()
    Image.fromarray((np.concatenate(strips) * 255).round().astype(np.uint8)).save(options.out)


if __name__ == "__main__":
    main()
