#!/usr/bin/env python3
"""Says what a clip shows in the world's words: scene, camera and each subject's shape, color, size and motion.

Small networks (judge_networks.py) find the subjects by their colors, and name shapes and surroundings; the tracks of
the subjects give sizes and motions (judge_motion.py). Every answer comes with a probability, and may be "other" or
"none": a blob is no ball.
"""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clip_io import read_video
from drift import look
from judge_data import (
    CAMERA_CLASSES, COLOR_CLASSES, EVERY, LABEL_SIZE, LOOKS, SCENE_CLASSES, SHAPE_CLASSES, SIZE
)  # fmt: skip
from judge_fit import PIXEL, Mask, fit_whole
from judge_motion import motion_of
from judge_tracks import SEEN_FRAMES, SEEN_PIXELS, Track, at_edge, center_of, crowded, grown, main_part, track_of
from world import FPS, RADII, SHOWN_FPS, Array, zoom_at

NETWORKS = Path(__file__).with_name("judge")
WINDOW = 33
SHORTEST = EVERY * max(LOOKS) + 1
EVIDENCE = 5.0  # independent looks in a window
AT_EDGE = 0.2  # what a frame counts in which the picture cuts a subject
CROWDED = 0.4  # or another one may hide it in part
PLACES = 8  # frames in which two colors are looked at, whether they are at one place
SAME_PLACE = 0.5  # radii
AWAY = 4  # frames without a subject, after which it comes back

Shares = dict[str, float]


@dataclass(frozen=True)
class SubjectVerdict:
    color: Shares
    shape: Shares
    size: Shares
    motion: Shares
    x: float  # mean place, and radius at rest, in the world's coordinates
    y: float
    radius: float
    seen: float  # share of the frames

    def best(self, attribute: str) -> str:
        return best(getattr(self, attribute))


@dataclass(frozen=True)
class Verdict:
    """Of a window of a clip. The subjects come in falling order of the pixels that they cover."""

    scene: Shares
    camera: Shares
    subjects: list[SubjectVerdict]


def best(shares: Shares) -> str:
    """The likeliest answer; "none" if there is none as likely as all others together."""
    name = max(shares, key=lambda answer: shares[answer])
    return name if shares[name] >= 0.5 else "none"


def shares_of(names: list[str], values: Array) -> Shares:
    return {name: round(float(value), 4) for name, value in zip(names, values)}


def log_softmax(logits: Array) -> Array:
    """Over the last axis."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def agree(logits: Array, weight: Array) -> Array:
    """[frames, answers] → probabilities. Most frames say little, some say it clearly: their evidence adds up."""
    evidence = (weight[:, None] * log_softmax(logits)).sum(axis=0) / weight.sum()
    return np.exp(log_softmax(EVIDENCE * evidence))


@dataclass(frozen=True)
class Labels:
    """The likeliest color of each pixel."""

    color: NDArray[np.uint8]  # [T, 64, 64]
    areas: NDArray[np.int64]  # [T, colors] pixels

    def part(self, frames: slice) -> "Labels":
        return Labels(self.color[frames], self.areas[frames])


class Network:
    """One of judge_networks.py, out of its file."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, *inputs: Array) -> list[Array]:
        names = [one.name for one in self._session.get_inputs()]
        return self._session.run(None, {name: np.float32(value) for name, value in zip(names, inputs, strict=True)})


class Judge:
    def __init__(self, networks: Path = NETWORKS, threads: int = 1) -> None:
        self._segmenter, self._shaper, self._surroundings = (
            Network(networks / f"{name}.onnx", threads) for name in ("segmenter", "shaper", "surroundings")
        )

    def windows(self, frames: NDArray[np.uint8], fps: float = SHOWN_FPS, first: int = 0) -> list[Verdict]:
        """Verdicts of the windows that follow each other; the last one ends with the clip, which may be a part of a video, from
        frame `first` on at 8 frames per second."""
        frames = at_judged_rate(frames, fps)
        starts = list(range(0, max(1, len(frames) - WINDOW + 1), WINDOW))
        if starts[-1] + WINDOW < len(frames):
            starts.append(len(frames) - WINDOW)
        return [self.judge(frames[start : start + WINDOW], first + start) for start in starts]

    def judge(self, frames: NDArray[np.uint8], first: int = 0) -> Verdict:
        """frames: [T, 128, 128, 3], at least 17, at 8 frames per second; `first`: number of the first one in its video."""
        if len(frames) < SHORTEST or frames.shape[1:] != (SIZE, SIZE, 3):
            wanted = f"at least {SHORTEST} frames of {SIZE} x {SIZE}"
            raise ValueError(f"the judge needs {wanted}, not {len(frames)} of {frames.shape[2]} x {frames.shape[1]}")
        pixels = to_pixels(frames)
        labels = self._label(pixels)
        scene, camera = self._look_around(pixels, labels)
        return Verdict(scene, camera, self._subjects(pixels, labels, first, best(camera)))

    def appearances(self, frames: NDArray[np.uint8], fps: float = SHOWN_FPS) -> list[SubjectVerdict]:
        """A clip's largest subject each time that something comes into the picture, for as long as it is there."""
        pixels = to_pixels(at_judged_rate(frames, fps))
        labels = self._label(pixels)
        camera = best(self._look_around(pixels[:WINDOW], labels.part(slice(WINDOW)))[1])
        found = []
        for part in runs(labels.areas[:, 1:].sum(axis=1) >= SEEN_PIXELS):
            if subjects := self._subjects(pixels[part], labels.part(part), part.start, camera):
                found.append(subjects[0])
        return found

    def _subjects(self, pixels: Array, labels: Labels, first: int, camera: str) -> list[SubjectVerdict]:
        times = (first + np.arange(len(pixels))) / FPS
        zoom = np.array([zoom_at(camera, time) for time in times])
        groups = find_subjects(labels)
        everyone = np.isin(labels.color, [color for colors in groups for color in colors])
        subjects = []
        for colors in groups:
            mask = np.isin(labels.color, colors)
            others = everyone & ~mask
            shape = self._name_shape(pixels, mask, others)
            track = track_of(mask, others, max(shape, key=lambda name: shape[name]), times, zoom)
            color = labels.areas[:, colors].sum(axis=0)
            subjects.append(verdict_of(track, shape, shares_of([COLOR_CLASSES[index] for index in colors], color / color.sum())))
        return subjects

    def _look_around(self, pixels: Array, labels: Labels) -> tuple[Shares, Shares]:
        small, subjects = pixels.reshape(len(pixels), 3, LABEL_SIZE, 2, LABEL_SIZE, 2).mean(axis=(3, 5)), labels.color > 0
        oldest = EVERY * max(LOOKS)
        looks, masks = (
            np.stack([seen[oldest - EVERY * ago : len(seen) - EVERY * ago] for ago in LOOKS], axis=1)
            for seen in (small, subjects)
        )
        scenes, cameras = self._surroundings(looks, masks)
        scene = shares_of(SCENE_CLASSES, np.exp(log_softmax(scenes)).mean(axis=0))
        if best(scene) in ("gray", "other", "none"):  # nothing that would move
            return scene, {"none": 1.0}
        return scene, shares_of(CAMERA_CLASSES, agree(cameras, np.ones(len(cameras))))

    def _label(self, pixels: Array) -> Labels:
        parts = np.array_split(pixels, -(-len(pixels) // 8))
        color = np.concatenate([self._segmenter(part)[0].argmax(axis=1).astype(np.uint8) for part in parts])
        areas = np.stack([(color == index).sum(axis=(1, 2)) for index in range(len(COLOR_CLASSES))], axis=1)
        return Labels(color, areas)

    def _name_shape(self, pixels: Array, masks: Mask, others: Mask) -> Shares:
        """masks, others: [T, 64, 64]."""
        seen = masks.sum(axis=(1, 2)) >= SEEN_PIXELS
        logits = self._shaper(pixels[seen], masks[seen], others[seen])[0]
        return shares_of(SHAPE_CLASSES[1:], agree(logits, how_whole(masks[seen], others[seen])))


def verdict_of(track: Track, shape: Shares, color: Shares) -> SubjectVerdict:
    motion, radius = motion_of(track)
    known = track.trust > 0
    return SubjectVerdict(
        color=color, shape=shape, size=size_of(radius), motion={name: round(share, 4) for name, share in motion.items()},
        x=float(track.x[known].mean()), y=float(track.y[known].mean()), radius=radius, seen=float(track.seen.mean()),
    )  # fmt: skip


def to_pixels(frames: NDArray[np.uint8]) -> Array:
    """[T, H, W, 3] → [T, 3, H, W] in -1 to 1."""
    return frames.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1


def at_judged_rate(frames: NDArray[np.uint8], fps: float) -> NDArray[np.uint8]:
    if abs(fps - SHOWN_FPS) < 0.01:
        return frames
    count = max(SHORTEST, int((len(frames) - 1) / fps * SHOWN_FPS) + 1)
    return frames[np.minimum((np.arange(count) * fps / SHOWN_FPS).round().astype(int), len(frames) - 1)]


# ---------------------------------------------------------------------------------------------------------- subjects


def runs(seen: Mask) -> list[slice]:
    """Stretches of frames in which something is seen, and before and after which nothing is for some time."""
    frames = np.flatnonzero(seen)
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > AWAY) + 1)
    return [slice(int(part[0]), int(part[-1]) + 1) for part in parts if len(part) >= SEEN_FRAMES]


def find_subjects(labels: Labels) -> list[list[int]]:
    """The colors of each subject, the largest subject first."""
    seen = labels.areas[:, 1:] >= SEEN_PIXELS  # [T, colors but none]
    wanted = max(3, len(seen) // 8)
    colors = [index + 1 for index in np.flatnonzero(seen.sum(axis=0) >= wanted)]
    return merge(labels, sorted(colors, key=lambda color: -labels.areas[:, color].sum()))


def merge(labels: Labels, colors: list[int]) -> list[list[int]]:
    """Colors that stay at the same place are one subject's: a blob may be half red and half orange."""
    groups: list[list[int]] = []
    for color in colors:
        for group in groups:
            if share_place(labels, group[0], color):
                group.append(color)
                break
        else:
            groups.append([color])
    return groups


def share_place(labels: Labels, one: int, other: int) -> bool:
    """Whether both may be parts of one round thing: what the one hides of it, the other shows."""
    both = np.flatnonzero((labels.areas[:, one] >= SEEN_PIXELS) & (labels.areas[:, other] >= SEEN_PIXELS))
    if 2 * len(both) < (labels.areas[:, other] >= SEEN_PIXELS).sum():
        return False
    together = 0
    looked_at = both[np.linspace(0, len(both) - 1, min(len(both), PLACES)).round().astype(int)]
    for frame in looked_at:
        masks = [main_part(labels.color[frame] == color) for color in (one, other)]
        if near_each_other(*masks):
            wholes = [fit_whole(mask, grown(hiding), "ball") for mask, hiding in zip(masks, reversed(masks))]
            apart = np.hypot(wholes[0].x - wholes[1].x, wholes[0].y - wholes[1].y)
            together += apart < SAME_PLACE * max(whole.radius for whole in wholes)
    return 10 * together > 7 * len(looked_at)


def near_each_other(one: Mask, other: Mask) -> bool:
    radius = np.sqrt((one.sum() + other.sum()) / np.pi) * PIXEL
    return bool(np.hypot(*np.subtract(center_of(one), center_of(other))) < radius)


def how_whole(masks: Mask, others: Mask) -> NDArray[np.float64]:
    """[T]: 1 where nothing may hide a part of the subject."""
    return np.where(at_edge(masks), AT_EDGE, 1.0) * np.where(crowded(masks, grown(others)), CROWDED, 1.0)


def size_of(radius: float) -> Shares:
    """The sizes' radii are drawn 1.25 times as large (world.place_at)."""
    if radius <= 0:
        return {"none": 1.0}
    error = 0.09
    errors = {size: np.log(radius / (1.25 * nominal)) / error for size, nominal in RADII.items()}
    likelihood = {size: np.exp(-0.5 * value**2) for size, value in errors.items()}
    likelihood["other"] = np.exp(-0.5 * 3.0**2)
    total = sum(likelihood.values())
    return {size: round(float(value / total), 4) for size, value in likelihood.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="128 x 128, 17 frames or more; judged in windows of 33, 8 a second")
    parser.add_argument("--networks", type=Path, default=NETWORKS, help="folder (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    options = parser.parse_args()
    frames, fps = read_video(options.video)
    verdicts = Judge(options.networks, options.threads).windows(frames, fps)
    answer = dict(windows=[dataclasses.asdict(verdict) for verdict in verdicts], look=dataclasses.asdict(look(frames)))
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
