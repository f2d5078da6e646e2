"""Where a subject is and how large, frame by frame, also where the picture cuts it or another one hides a part of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge_data import LABEL_SIZE
from render import picture
from world import Array

Mask = NDArray[np.bool_]

PIXEL = 2 / LABEL_SIZE
SEEN_PIXELS = 8
SEEN_FRAMES = 6  # fewer say nothing
TOUCHING = 2  # pixels that two subjects may have side by side and still be apart
HALF = 0.5  # of its height or width
LEAST = 0.4  # of the largest radius: none pulses so much
GUESSED = 0.5  # what a frame counts in which only some sides of a subject are seen
# Area of each shape of radius 1, and how far it reaches to each side, to the top and to the bottom (render.signed_distance).
AREAS = {
    "ball": 3.142, "ring": 2.352, "cube": 2.958, "diamond": 1.699, "triangle": 2.053, "star": 1.411, "other": 3.142,
}  # fmt: skip
REACH = {
    "ball": (1.0, 1.0, 1.0), "ring": (1.02, 1.02, 1.02), "cube": (0.86, 0.86, 0.86), "diamond": (0.76, 1.12, 1.12),
    "triangle": (1.09, 1.24, 0.65), "star": (0.95, 1.0, 0.81), "other": (1.0, 1.0, 1.0),
}  # fmt: skip
# A turn by 1/folds looks the same; round shapes show none.
FOLDS = {"cube": 4, "triangle": 3, "star": 5, "diamond": 2}


@dataclass(frozen=True)
class Track:
    """A subject over time, [T] each, in the world's coordinates: what the camera's zoom does is taken back."""

    times: Array  # seconds
    x: Array
    y: Array
    radius: Array
    weight: Array  # of the place: 0 where it is not known, little where it is guessed
    whole: Array  # of the radius
    seen: Mask
    gone: Mask  # not seen, and no other subject there that could hide it
    edge: Array  # how far the picture reaches
    turn: NDArray[np.complexfloating]  # moment whose angle is `folds` times the shape's
    folds: int  # 0 for round shapes


@dataclass(frozen=True)
class Outline:
    """Of a subject in one frame."""

    mask: Mask  # its main part
    low: tuple[float, float]  # the left and the upper side
    high: tuple[float, float]  # the right and the lower side
    low_is_free: tuple[bool, bool]  # whether that side is the subject's own, not the picture's or another subject's
    high_is_free: tuple[bool, bool]
    is_whole: bool
    center: tuple[float, float]
    area: float


def main_part(mask: Mask) -> Mask:
    """The pixels that are not far from the others."""
    x, y = picture(LABEL_SIZE)
    middle_x, middle_y = np.median(x[mask]), np.median(y[mask])
    reach = max(0.25, 2.5 * np.sqrt(mask.sum() / np.pi) * PIXEL)
    near = mask & (np.hypot(x - middle_x, y - middle_y) < reach)
    return near if near.any() else mask


def grown(masks: Mask) -> Mask:
    """[..., H, W], by a pixel to each of four sides."""
    wide = np.pad(masks, [(0, 0)] * (masks.ndim - 2) + [(1, 1), (1, 1)])
    across = wide[..., 1:-1, :-2] | wide[..., 1:-1, 2:]
    return masks | across | wide[..., :-2, 1:-1] | wide[..., 2:, 1:-1]


def center_of(mask: Mask) -> tuple[float, float]:
    x, y = picture(LABEL_SIZE)
    return float(x[mask].mean()), float(y[mask].mean())


def outline(mask: Mask, near_others: Mask) -> Outline:
    mask = main_part(mask)
    low, high, low_is_free, high_is_free = [], [], [], []
    touched = mask & near_others
    for axis in (0, 1):  # of the sums: columns, then rows
        filled = np.flatnonzero(mask.any(axis=axis))
        first, last = int(filled[0]), int(filled[-1])
        low.append(first * PIXEL - 1)
        high.append((last + 1) * PIXEL - 1)
        touches = touched.any(axis=axis)
        low_is_free.append(first > 0 and not touches[first : first + 2].any())
        high_is_free.append(last < LABEL_SIZE - 1 and not touches[max(last - 1, 0) : last + 1].any())
    is_whole = all(low_is_free) and all(high_is_free) and touched.sum() <= TOUCHING
    return Outline(
        mask, tuple(low), tuple(high), tuple(low_is_free), tuple(high_is_free), is_whole, center_of(mask),
        area=mask.sum() * PIXEL**2,
    )  # fmt: skip


def radius_of(seen: Outline, shape: str) -> float | None:
    """Of its area if all of it is seen, or of one side to the other."""
    if seen.is_whole:
        return float(np.sqrt(seen.area / AREAS[shape]))
    wide, above, below = REACH[shape]
    radii = [(high - low) / span for low, high, span in zip(seen.low, seen.high, (2 * wide, above + below))]
    free = [low and high for low, high in zip(seen.low_is_free, seen.high_is_free)]
    if all(free):
        return float(np.mean(radii))
    if not any(free):
        return None
    known, cut = (radii[0], radii[1]) if free[0] else (radii[1], radii[0])
    return known if cut > HALF * known else None  # if more is cut off, its widest part may not be seen


def place_of(seen: Outline, shape: str, radius: float) -> tuple[float, float] | None:
    """The center, by the sides that are seen."""
    if seen.is_whole:
        return seen.center
    wide, above, below = REACH[shape]
    place = []
    for axis, (before, after) in enumerate(((wide, wide), (above, below))):
        guesses = []
        if seen.low_is_free[axis]:
            guesses.append(seen.low[axis] + before * radius)
        if seen.high_is_free[axis]:
            guesses.append(seen.high[axis] - after * radius)
        if not guesses:
            return None
        place.append(float(np.mean(guesses)))
    return place[0], place[1]


def turn_of(mask: Mask, place: tuple[float, float], folds: int) -> complex:
    x, y = picture(LABEL_SIZE)
    arm = (x[mask] - place[0]) + 1j * (y[mask] - place[1])
    length = np.abs(arm) + 1e-6
    return complex((length**2 * (arm / length) ** folds).sum() / (length**2).sum())


def measure(outlines: dict[int, Outline], shape: str, frames: int) -> tuple[Array, Array, Array, Array, Array]:
    """x, y, radius, weight and whole of a track, [T] each, in the picture's coordinates."""
    x, y, radius, weight, whole = (np.zeros(frames) for _ in range(5))
    for frame, one in outlines.items():
        radius[frame] = radius_of(one, shape) or 0.0
        whole[frame] = 1.0 if one.is_whole else GUESSED if radius[frame] else 0.0
    rests = radius < LEAST * radius.max(initial=0.0)  # all that is seen is the tip of a star
    radius[rests], whole[rests] = 0.0, 0.0
    if np.count_nonzero(whole) < SEEN_FRAMES:  # something hides a part of it all the time: the rest has to do
        for frame, one in outlines.items():
            radius[frame], whole[frame] = np.sqrt(one.area / AREAS[shape]), GUESSED
    for frame, one in outlines.items():
        if radius[frame] and (place := place_of(one, shape, radius[frame])):
            x[frame], y[frame], weight[frame] = *place, 1.0 if one.is_whole else GUESSED
    if np.count_nonzero(weight) < SEEN_FRAMES:
        for frame, one in outlines.items():
            x[frame], y[frame], weight[frame] = *one.center, GUESSED
    return x, y, radius, weight, whole


def track_of(masks: Mask, others: Mask, shape: str, times: Array, zoom: Array) -> Track:
    """masks, others: [T, 64, 64]; others: where any other subject is; times, zoom: [T]."""
    frames, folds = len(masks), FOLDS.get(shape, 0)
    near_others, seen = grown(others), masks.sum(axis=(1, 2)) >= SEEN_PIXELS
    outlines = {frame: outline(masks[frame], near_others[frame]) for frame in np.flatnonzero(seen)}
    x, y, radius, weight, whole = measure(outlines, shape, frames)
    turn = np.zeros(frames, complex)
    for frame in np.flatnonzero(weight) if folds else []:
        turn[frame] = weight[frame] * turn_of(outlines[frame].mask, (x[frame], y[frame]), folds)
    gone = ~seen & ~others.any(axis=(1, 2))
    return Track(times, x / zoom, y / zoom, radius / zoom, weight, whole, seen, gone, 1 / zoom, turn, folds)
