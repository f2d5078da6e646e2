"""Where a subject is and how large, frame by frame, also where the picture cuts it or another one hides a part of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge_data import LABEL_SIZE
from judge_fit import AREAS, FOLDS, PIXEL, Mask, fit_whole
from render import cover, picture
from world import Array, Pose

SEEN_PIXELS = 8
SEEN_FRAMES = 6  # fewer say nothing
TOUCHING = 2  # pixels that two subjects may have side by side and still be apart
LEAST = 0.4  # of the largest radius: none pulses so much
LEAST_SHARE = 0.5  # of a subject, below which nothing is known of the rest
WORST_MISFIT = 0.4
GUESSED = 0.5  # what a frame counts in which something is seen, but not where all of it is


@dataclass(frozen=True)
class Track:
    """A subject over time, [T] each, in the world's coordinates: what the camera's zoom does is taken back."""

    times: Array  # seconds
    x: Array
    y: Array
    radius: Array
    trust: Array  # of all this: 1 where all of it is seen, 0 where nothing is known
    seen: Mask
    gone: Mask  # not seen, and no other subject there that could hide it
    edge: Array  # how far the picture reaches
    turn: NDArray[np.complexfloating]  # moment whose angle is `folds` times the shape's
    folds: int  # 0 for round shapes


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


def at_edge(masks: Mask) -> Mask:
    """[..., H, W] → [...]: whether the picture may cut off a part of it."""
    return masks[..., [0, -1], :].any(axis=(-2, -1)) | masks[..., :, [0, -1]].any(axis=(-2, -1))


def crowded(masks: Mask, near_others: Mask) -> Mask:
    """[..., H, W] → [...]: whether another subject may hide a part of it; near_others: the others, `grown`."""
    return (masks & near_others).sum(axis=(-2, -1)) > TOUCHING


def moment_of(mask: Mask, place: tuple[float, float], folds: int) -> complex:
    x, y = picture(len(mask))
    arm = (x[mask] - place[0]) + 1j * (y[mask] - place[1])
    length = np.abs(arm) + 1e-6
    return complex((length**2 * (arm / length) ** folds).sum() / (length**2).sum())


UNTURNED = {
    shape: moment_of(cover(shape, Pose(0, 0, 0.5, 0), *picture(128)) > 0.5, (0, 0), folds) for shape, folds in FOLDS.items()
}


@dataclass(frozen=True)
class Sight:
    """Of a subject in one frame, in the picture's coordinates."""

    x: float
    y: float
    radius: float
    turn: complex
    trust: float  # 1 where all of it is seen, 0 where nothing is known


def look_at(mask: Mask, near_others: Mask, shape: str) -> Sight:
    folds = FOLDS.get(shape, 0)
    if not (at_edge(mask) or crowded(mask, near_others)):
        place = center_of(mask)
        turn = moment_of(mask, place, folds) if folds else 0.0
        return Sight(*place, float(np.sqrt(mask.sum() / AREAS[shape])) * PIXEL, turn, trust=1.0)
    fit = fit_whole(mask, near_others, shape)
    trust = np.clip((fit.share - LEAST_SHARE) / (1 - LEAST_SHARE), 0, 1) * max(0.0, 1 - fit.misfit / WORST_MISFIT)
    turn = UNTURNED[shape] * np.exp(1j * folds * fit.angle) if folds else 0.0
    return Sight(fit.x, fit.y, fit.radius, turn, float(trust))


def track_of(masks: Mask, others: Mask, shape: str, times: Array, zoom: Array) -> Track:
    """masks, others: [T, 64, 64]; others: where any other subject is; times, zoom: [T]."""
    near_others, seen = grown(others), masks.sum(axis=(1, 2)) >= SEEN_PIXELS
    x, y, radius, trust = (np.zeros(len(masks)) for _ in range(4))
    turn = np.zeros(len(masks), complex)
    for frame in np.flatnonzero(seen):
        one = look_at(main_part(masks[frame]), near_others[frame], shape)
        x[frame], y[frame], radius[frame], turn[frame], trust[frame] = one.x, one.y, one.radius, one.turn * one.trust, one.trust
    trust[radius < LEAST * radius[trust > 0].max(initial=0.0)] = 0.0  # all that is seen is the tip of a star
    if np.count_nonzero(trust) < SEEN_FRAMES:  # something hides a part of it all the time: the rest has to do
        for frame in np.flatnonzero(seen):
            (x[frame], y[frame]), area = center_of(main_part(masks[frame])), masks[frame].sum()
            radius[frame], trust[frame] = np.sqrt(area / AREAS[shape]) * PIXEL, GUESSED
    gone = ~seen & ~others.any(axis=(1, 2))
    return Track(times, x / zoom, y / zoom, radius / zoom, trust, seen, gone, 1 / zoom, turn, FOLDS.get(shape, 0))
