"""Labelled clips for the judge's networks: the world, and what is nearly the world: blobs, odd colors, mixed scenes.

A network that only ever saw the world answers with the world's words whatever it is shown. Hence a class "other" each
for shapes, colors and scenes.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render import cover, lay_shadow, lay_subject, picture, tint_of
from scenes import BACKGROUNDS, View
from world import CAMERAS, COLORS, FPS, MOTIONS, PAN_SPEED, RADII, SCENES, SHAPES, Array, Pose, Subject, place_at, zoom_at

FRAMES = 33
EVERY = 4  # of these frames each so many is kept
LOOKS = (4, 2, 1, 0)  # kept frames ago that scene and camera are told from
SIZE = 128
LABEL_SIZE = 64

# Class 0 of colors and shapes is the background.
COLOR_CLASSES = ["none", *COLORS, "other"]
SHAPE_CLASSES = ["none", *SHAPES, "other"]
SCENE_CLASSES = [*SCENES, "other"]
CAMERA_CLASSES = list(CAMERAS)
UNKNOWN = 255  # a camera over a scene without marks


@dataclass(frozen=True)
class LabelledClip:
    frames: NDArray[np.uint8]  # [T, 128, 128, 3], what the networks see every `EVERY`th of
    colors: NDArray[np.uint8]  # [T, 64, 64]
    shapes: NDArray[np.uint8]  # [T, 64, 64]
    scene: int
    camera: int


@dataclass(frozen=True)
class Blob:
    """Covers a subject's place with something that has no name."""

    ripples: list[tuple[int, float, float]]  # waves along the outline: how many, how high, from which angle
    softness: float  # 0: a sharp edge
    opacity: float

    def cover(self, at: Pose, x: Array, y: Array) -> Array:
        angle, distance = np.arctan2(y - at.y, x - at.x), np.hypot(x - at.x, y - at.y)
        edge = at.radius * (1 + sum(height * np.cos(count * angle + start) for count, height, start in self.ripples))
        slope = 1 / max(self.softness * at.radius, 2 / SIZE)
        return np.clip(0.5 + (edge - distance) * slope, 0, 1) * self.opacity


def sample_blob(rng: random.Random) -> Blob:
    kind = rng.choice(["rippled", "rippled", "long", "soft", "faint"])
    if kind == "rippled":
        ripples = [(count, rng.uniform(0.1, 0.35), rng.uniform(0, 6.28)) for count in rng.sample([1, 2, 3, 4], 3)]
    elif kind == "long":
        ripples = [(2, rng.uniform(0.35, 0.6), rng.uniform(0, 6.28))]
    else:
        ripples = [(count, rng.uniform(0.0, 0.12), rng.uniform(0, 6.28)) for count in (2, 3)]
    softness = rng.uniform(0.8, 1.6) if kind == "soft" else rng.uniform(0.0, 0.4)
    return Blob(ripples, softness, opacity=rng.uniform(0.35, 0.55) if kind == "faint" else 1.0)


def sample_subject(rng: random.Random, shape: str, color: str) -> Subject:
    """Like the world's, but anywhere in the picture."""
    return Subject(
        shape, color, rng.choice(list(RADII)), rng.choice(list(MOTIONS)), phase=rng.uniform(0, 6.28),
        x=rng.uniform(-0.75, 0.75), y=rng.uniform(-0.6, 0.6),
    )  # fmt: skip


class Backdrop:
    """A scene, or one time in eight something that is none: two scenes at once, or clouds of random colors."""

    def __init__(self, rng: random.Random) -> None:
        self.scene, self.camera = rng.choice(list(SCENES)), rng.choice(list(CAMERAS))
        self.seed = rng.randrange(1000)
        self.is_scene = rng.random() >= 0.125
        self.mixed_with = rng.choice([None, *(scene for scene in SCENES if scene != self.scene)])
        self.clouds = np.array([rng.uniform(0, 0.5) for _ in range(12)], np.float32).reshape(4, 3)
        # Zoom and nightfall come to their ends.
        self.begin = rng.uniform(0, 2 if "zoom" in self.camera else 4 if self.scene == "nightfall" else 12)

    @property
    def labels(self) -> tuple[int, int]:
        if not self.is_scene:
            return SCENE_CLASSES.index("other"), UNKNOWN
        camera = UNKNOWN if self.scene == "gray" else CAMERA_CLASSES.index(self.camera)
        return SCENE_CLASSES.index(self.scene), camera

    def paint(self, x: Array, y: Array, time: float) -> Array:
        pan = PAN_SPEED.get(self.camera, 0.0) * time
        view = View(x + pan, y, time, pan, self.seed)
        image = np.clip(BACKGROUNDS[self.scene](view), 0, 1)
        if self.is_scene:
            return image
        if self.mixed_with:
            return 0.5 * image + 0.5 * np.clip(BACKGROUNDS[self.mixed_with](view), 0, 1)
        waves = np.stack([0 * x + 2, np.sin(2 * x + time), np.cos(2 * y), np.sin(x - 2 * y)], axis=-1)
        return np.clip(waves @ self.clouds, 0, 1)


@dataclass(frozen=True)
class Actor:
    """A subject, or a blob in its place."""

    subject: Subject
    blob: Blob | None
    mixture: list[str] | None  # two colors that the blob's is between

    @property
    def labels(self) -> tuple[int, int]:
        color = "other" if self.mixture else self.subject.color
        return COLOR_CLASSES.index(color), SHAPE_CLASSES.index("other" if self.blob else self.subject.shape)

    def paint(self, image: Array, backdrop: Backdrop, at: Pose, x: Array, y: Array, time: float) -> tuple[Array, Array]:
        """The image with it, and where it is: [H, W], 1 inside."""
        if self.blob:
            color = np.mean([COLORS[name] for name in self.mixture or [self.subject.color]], axis=0)
            covered = self.blob.cover(at, x, y)
            return image * (1 - covered[..., None]) + color * covered[..., None], covered / self.blob.opacity
        painted = lay_subject(image, self.subject, at, tint_of(backdrop.scene, time), x, y)
        return painted, cover(self.subject.shape, at, x, y)


def sample_actors(rng: random.Random) -> list[Actor]:
    count = rng.choice([0, 1, 1, 1, 2, 2, 2, 3])
    actors = []
    for shape, color in zip(rng.sample(list(SHAPES), count), rng.sample(list(COLORS), count)):
        blob = sample_blob(rng) if rng.random() < 0.25 else None
        mixture = rng.sample(list(COLORS), 2) if blob and rng.random() < 0.4 else None
        actors.append(Actor(sample_subject(rng, shape, color), blob, mixture))
    return actors


def halve(mask: Array) -> NDArray[np.bool_]:
    """[2h, 2w] cover → [h, w]: where more than half is covered."""
    return mask.reshape(LABEL_SIZE, 2, LABEL_SIZE, 2).mean(axis=(1, 3)) > 0.5


def sample_clip(rng: random.Random, every: int = 1) -> LabelledClip:
    """`every`: only each so many frames are painted, the others stay black."""
    backdrop, actors = Backdrop(rng), sample_actors(rng)
    screen_x, screen_y = picture(SIZE)
    frames = np.zeros((FRAMES, SIZE, SIZE, 3), np.uint8)
    colors, shapes = (np.zeros((FRAMES, LABEL_SIZE, LABEL_SIZE), np.uint8) for _ in range(2))
    for frame in range(0, FRAMES, every):
        time = backdrop.begin + frame / FPS
        zoom = zoom_at(backdrop.camera, time)
        x, y = screen_x / zoom, screen_y / zoom
        image = backdrop.paint(x, y, time)
        poses = [place_at(actor.subject, time) for actor in actors]
        for at in poses:
            image = lay_shadow(image, backdrop.scene, at, x, y, dusk=0.0)
        for actor, at in zip(actors, poses):
            image, covered = actor.paint(image, backdrop, at, x, y, time)
            mask = halve(covered)
            colors[frame][mask], shapes[frame][mask] = actor.labels
        frames[frame] = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    return LabelledClip(frames, colors, shapes, *backdrop.labels)
