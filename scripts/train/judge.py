#!/usr/bin/env python3
"""Says what a clip shows in the world's words: scene, camera and each subject's shape, color, size and motion.

Two small networks (judge_networks.py) label pixels and surroundings; tracks of the labelled pixels give sizes and motions
(judge_motion.py). Every answer comes with a probability, and may be "other" or "none": a blob is no ball.
"""

import argparse
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from clip_io import read_video
from drift import look
from judge_data import CAMERA_CLASSES, COLOR_CLASSES, LABEL_SIZE, SCENE_CLASSES, SHAPE_CLASSES, SIZE
from judge_motion import FOLDS, Track, motion_of
from judge_networks import Segmenter, Surroundings
from world import RADII, picture

WEIGHTS = Path(__file__).with_name("judge.safetensors")
FPS = 8.0
WINDOW = 33
SHORTEST = 9
PIXEL = 2 / LABEL_SIZE
SEEN_PIXELS = 8
# Area of each shape of radius 1 (world.signed_distance).
AREAS = {"ball": 3.142, "ring": 2.352, "cube": 2.958, "diamond": 1.699, "triangle": 2.053, "star": 1.411, "other": 3.142}

Shares = dict[str, float]


@dataclass(frozen=True)
class SubjectVerdict:
    color: Shares
    shape: Shares
    size: Shares
    motion: Shares
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


def shares_of(names: list[str], values: Tensor | NDArray) -> Shares:
    return {name: round(float(value), 4) for name, value in zip(names, values)}


@dataclass(frozen=True)
class Labels:
    """What the segmenter saw: probabilities, and the likeliest color of each pixel."""

    color: NDArray[np.uint8]  # [T, 64, 64]
    shapes: NDArray[np.float32]  # [T, shapes, 64, 64]
    areas: NDArray[np.int64]  # [T, colors] pixels


class Judge:
    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._segmenter, self._surroundings = Segmenter().eval(), Surroundings().eval()
        tensors = load_file(weights)
        for name, network in (("segmenter", self._segmenter), ("surroundings", self._surroundings)):
            network.load_state_dict(
                {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            )
            network.to(memory_format=torch.channels_last)

    def windows(self, frames: NDArray[np.uint8], fps: float = FPS) -> list[Verdict]:
        """Verdicts of the windows that follow each other; the last one ends with the clip."""
        frames = at_judged_rate(frames, fps)
        firsts = list(range(0, max(1, len(frames) - WINDOW + 1), WINDOW))
        if firsts[-1] + WINDOW < len(frames):
            firsts.append(len(frames) - WINDOW)
        return [self.judge(frames[first : first + WINDOW]) for first in firsts]

    @torch.inference_mode()
    def judge(self, frames: NDArray[np.uint8]) -> Verdict:
        """frames: [T, H, W, 3], at least 9, at 8 frames per second."""
        if len(frames) < SHORTEST:
            raise ValueError(f"the judge needs at least {SHORTEST} frames, not {len(frames)}")
        pixels = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
        if pixels.shape[-2:] != (SIZE, SIZE):
            pixels = F.interpolate(pixels, (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)
        scene, camera = self._look_around(pixels)
        return Verdict(scene, camera, subjects_of(self._label(pixels)))

    def _look_around(self, pixels: Tensor) -> tuple[Shares, Shares]:
        small = F.avg_pool2d(pixels, 2)
        triples = torch.cat([small[:-4], small[2:-2], small[4:]], dim=1)
        scenes, cameras = self._surroundings(triples.contiguous(memory_format=torch.channels_last))
        scene = shares_of(SCENE_CLASSES, scenes.softmax(dim=1).mean(dim=0))
        if best(scene) in ("gray", "other", "none"):  # nothing that would move
            return scene, {"none": 1.0}
        return scene, shares_of(CAMERA_CLASSES, cameras.softmax(dim=1).mean(dim=0))

    def _label(self, pixels: Tensor) -> Labels:
        colors, shapes = [], []
        for some in pixels.split(8):
            color, shape = self._segmenter(some.contiguous(memory_format=torch.channels_last))
            colors.append(color.argmax(dim=1).to(torch.uint8))
            shapes.append(shape.softmax(dim=1))
        color = torch.cat(colors).numpy()
        areas = np.stack([(color == index).sum(axis=(1, 2)) for index in range(len(COLOR_CLASSES))], axis=1)
        return Labels(color, torch.cat(shapes).numpy(), areas)


def at_judged_rate(frames: NDArray[np.uint8], fps: float) -> NDArray[np.uint8]:
    if abs(fps - FPS) < 0.01:
        return frames
    count = max(SHORTEST, int((len(frames) - 1) / fps * FPS) + 1)
    return frames[np.minimum((np.arange(count) * fps / FPS).round().astype(int), len(frames) - 1)]


# ---------------------------------------------------------------------------------------------------------- subjects


def subjects_of(labels: Labels) -> list[SubjectVerdict]:
    seen = labels.areas[:, 1:] >= SEEN_PIXELS  # [T, colors but none]
    wanted = max(3, len(seen) // 4)
    colors = [index + 1 for index in np.flatnonzero(seen.sum(axis=0) >= wanted)]
    groups = merge(labels, sorted(colors, key=lambda color: -labels.areas[:, color].sum()))
    return [subject_of(labels, group) for group in groups]


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
    both = np.flatnonzero((labels.areas[:, one] >= SEEN_PIXELS) & (labels.areas[:, other] >= SEEN_PIXELS))
    if 2 * len(both) < (labels.areas[:, other] >= SEEN_PIXELS).sum():
        return False
    near = 0
    for frame in both:
        radius = np.sqrt(labels.areas[frame, [one, other]].sum() / np.pi) * PIXEL
        near += np.hypot(*np.subtract(center(labels.color[frame] == one), center(labels.color[frame] == other))) < radius
    return 10 * near > 7 * len(both)


def center(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Of the pixels, those far from the others left out."""
    x, y = picture(LABEL_SIZE)
    x, y = x[mask], y[mask]
    near = np.hypot(x - np.median(x), y - np.median(y)) < max(0.25, 2.5 * np.sqrt(len(x) / np.pi) * PIXEL)
    return (float(x[near].mean()), float(y[near].mean())) if near.any() else (float(x.mean()), float(y.mean()))


def subject_of(labels: Labels, colors: list[int]) -> SubjectVerdict:
    masks = np.isin(labels.color, colors)  # [T, 64, 64]
    area = masks.sum(axis=(1, 2))
    seen = area >= SEEN_PIXELS
    edge = masks[:, [0, -1], :].any(axis=(1, 2)) | masks[:, :, [0, -1]].any(axis=(1, 2))
    weight = np.where(seen, np.where(edge, 0.2, 1.0), 0.0)

    pixels = (masks[:, None] * labels.shapes).sum(axis=(2, 3))[:, 1:] / np.maximum(area, 1)[:, None]  # [T, shapes]
    shape_shares = (weight[:, None] * pixels).sum(axis=0)
    shape = shares_of(SHAPE_CLASSES[1:], shape_shares / max(shape_shares.sum(), 1e-9))
    likeliest = max(shape, key=lambda name: shape[name])

    track = track_of(masks, weight, likeliest)
    motion, radius = motion_of(track)
    color = labels.areas[:, colors].sum(axis=0)
    return SubjectVerdict(
        color=shares_of([COLOR_CLASSES[index] for index in colors], color / color.sum()),
        shape=shape, size=size_of(radius), motion={name: round(share, 4) for name, share in motion.items()},
        seen=float(seen.mean()),
    )  # fmt: skip


def track_of(masks: NDArray[np.bool_], weight: NDArray[np.float64], shape: str) -> Track:
    frames = len(masks)
    x_of, y_of = picture(LABEL_SIZE)
    folds = FOLDS.get(shape, 0)
    x, y, radius, turn = np.zeros(frames), np.zeros(frames), np.zeros(frames), np.zeros(frames, complex)
    for frame in np.flatnonzero(weight):
        mask = masks[frame]
        x[frame], y[frame] = center(mask)
        radius[frame] = np.sqrt(mask.sum() * PIXEL**2 / AREAS[shape])
        if folds:
            arm = (x_of[mask] - x[frame]) + 1j * (y_of[mask] - y[frame])
            length = np.abs(arm) + 1e-6
            turn[frame] = (length**2 * (arm / length) ** folds).sum() / (length**2).sum()
    # A subject that another one hides in part is smaller than it is.
    typical = np.median(radius[weight > 0.5]) if (weight > 0.5).any() else 0.0
    whole = ((weight > 0.5) & (radius > 0.5 * typical)).astype(float)
    return Track(np.arange(frames) / FPS, x, y, radius, weight, whole, turn, folds)


def size_of(radius: float) -> Shares:
    """The sizes' radii are drawn 1.25 times as large (world.pose)."""
    if radius <= 0:
        return {"none": 1.0}
    error = 0.09
    likelihood = {size: np.exp(-0.5 * (np.log(radius / (1.25 * nominal)) / error) ** 2) for size, nominal in RADII.items()}
    likelihood["other"] = np.exp(-0.5 * 3.0**2)
    total = sum(likelihood.values())
    return {size: round(float(value / total), 4) for size, value in likelihood.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, help="at least 9 frames; judged in windows of 33 at 8 frames per second")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="(%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    frames, fps = read_video(options.video)
    verdicts = Judge(options.weights).windows(frames, fps)
    answer = dict(windows=[dataclasses.asdict(verdict) for verdict in verdicts], look=dataclasses.asdict(look(frames)))
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
