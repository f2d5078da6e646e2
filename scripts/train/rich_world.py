#!/usr/bin/env python3
"""The world's second edition: up to three subjects that stand in relations, hide each other, leave and come back, under
a light that casts shadows, in scenes with a life of their own; captions from three words to a paragraph.

`world.py`, the first edition, stays what it is: its clips and captions are the same bytes as ever. How this one looks
is in `rich_render.py`. Run it to see a sheet of clips.
"""

import argparse
import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import world
from world import COLORS, RADII, SHAPES, Pose, Subject, pose, with_article

MOTIONS = {**world.MOTIONS, "visit": ["leaves and comes back", "goes away and returns", "comes and goes"]}
SCENES = {
    **world.SCENES,
    "grass": ["in tall waving grass", "in grass that waves in the wind"],
    "nightfall": ["as day turns to night", "at nightfall"],
}
CAMERAS = {
    **world.CAMERAS,
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

# Frames of a second of the world's time. Shown at 8 a second, all goes at half the first edition's speed: four frames become
# one latent frame, and a fast subject was in four places there.
FPS = 16
IN_PLACE = ("still", "bounce", "pulse", "spin", "up", "down")  # left stays left
UNMOVED = ("still", "pulse", "spin")
FIRM = {"pulse": "still"}  # larger stays larger
ZOOM_SECONDS = 5.0
ZOOM = {"zoom in": (1.0, 1.4), "zoom out": (1.4, 1.0)}  # never below 1: what wraps around the picture does so unseen


@dataclass(frozen=True)
class Relation:
    """Subject `one` is `kind` subject `other`."""

    kind: str
    one: int
    other: int


@dataclass(frozen=True)
class RichWorld:
    subjects: list[Subject]  # from far to near; x and y are their places in the picture
    relations: list[Relation]
    scene: str
    camera: str
    seed: int


# ---------------------------------------------------------------------------------------------------------- sampling


def sample(rng: random.Random) -> RichWorld:
    """A random world. The order of draws is part of the format, as in the first edition."""
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
    return RichWorld(subjects, relations, rng.choice(list(SCENES)), camera, seed=rng.randrange(1000))


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


def place_at(subject: Subject, time: float) -> Pose:
    if subject.motion != "visit":
        return pose(subject, 0, 1, time)
    resting = pose(replace(subject, motion="still"), 0, 1, time)
    # Every second subject begins on its way to the right.
    sense = 1 if subject.phase < np.pi else -1
    return replace(resting, x=float(subject.x + sense * 1.6 * np.sin(1.3 * time + subject.phase / 25)))


def zoom_at(camera: str, time: float) -> float:
    """From one factor to the other in some seconds, softly; then it stays."""
    first, last = ZOOM.get(camera, (1.0, 1.0))
    share = min(time / ZOOM_SECONDS, 1.0)
    return first * (last / first) ** (share * share * (3 - 2 * share))


# ---------------------------------------------------------------------------------------------------------- captions


def name_of(subject: Subject, rng: random.Random, with_size: bool) -> str:
    size = subject.size + " " if with_size else ""
    return f"{size}{subject.color} {rng.choice(SHAPES[subject.shape])}"


def caption(rich: RichWorld, rng: random.Random, level: str) -> str:
    """`words` name little more than subjects, `paragraph` tells all there is."""
    if level == "words":
        subject = rng.choice(rich.subjects)
        return f"{name_of(subject, rng, False)} {SHORT_MOTIONS[subject.motion]}"
    names = [name_of(subject, rng, with_size=level != "short") for subject in rich.subjects]
    motions = [rng.choice(MOTIONS[subject.motion]) for subject in rich.subjects]
    actions = [f"{with_article(name)} {motion}" for name, motion in zip(names, motions)]
    scene, camera = rng.choice(SCENES[rich.scene]), rng.choice(CAMERAS[rich.camera])
    related = [
        f"the {names[relation.one]} is {rng.choice(RELATIONS[relation.kind])} the {names[relation.other]}"
        for relation in rich.relations
    ]
    if level == "paragraph":
        sentences = [f"It is a clip {scene}", *actions, *related, camera]
        text = ". ".join(sentence[0].upper() + sentence[1:] for sentence in sentences if sentence) + "."
        return f"{text} {DETAILS[rich.scene]}"
    joined = ", ".join(actions[:-1]) + rng.choice([" and ", " while "]) if len(actions) > 1 else ""
    text = f"{joined}{actions[-1]} {scene}"
    if level == "sentence":
        text = ", ".join([text, *related, *([camera] if camera else [])])
    return text[0].upper() + text[1:] + "." if rng.random() < 0.5 else text


def main() -> None:
    from PIL import Image

    from rich_render import render

    parser = argparse.ArgumentParser(description="Writes a sheet of eight random clips and prints their captions.")
    parser.add_argument("out", type=Path, help="PNG file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    strips = []
    for _ in range(8):
        rich = sample(rng)
        strips.append(np.concatenate(list(render(rich, 33)[::8]), axis=1))
        for level in LEVELS:
            print(f"{level}: {caption(rich, rng, level)}")
        print()
    Image.fromarray((np.concatenate(strips) * 255).round().astype(np.uint8)).save(options.out)


if __name__ == "__main__":
    main()
