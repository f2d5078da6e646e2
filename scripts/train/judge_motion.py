"""Which of the world's motions a subject's track shows: each motion's paths are fitted to it, the nearest one wins.

Speeds and amplitudes may be off by a third or so, the less likely the more; a track that no path comes near is "other", one that was
hardly seen "none".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from world import MOTIONS

Array = NDArray[np.floating]

POSITION_ERROR = 0.06  # of a path that still counts as the motion; the picture is 2 wide
RADIUS_ERROR = 0.12  # relative
FAR = 3.0  # errors, beyond which a frame is an outlier
OTHER_COST = 3.5  # mean squared errors at which "other" is as likely
INDEPENDENT_FRAMES = 8  # neighbours in time err alike
SEEN_FRAMES = 6  # fewer say nothing
WRAP = 2.9  # what leaves on one side comes back on the other
# A turn by 1/folds looks the same; round shapes show none.
FOLDS = {"cube": 4, "triangle": 3, "star": 5, "diamond": 2}
SPEEDS = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4])
TEMPI = (0.8, 0.9, 1.0, 1.1, 1.25)
AMPLITUDES = (0.7, 0.85, 1.0, 1.18, 1.4)
SPREAD = 0.12  # of the logarithms of tempo and amplitude
PHASES = np.linspace(0, 2 * np.pi, 24, endpoint=False)


@dataclass(frozen=True)
class Track:
    """A subject over time, [T] each."""

    times: Array  # seconds
    x: Array
    y: Array
    radius: Array
    weight: Array  # 0 where it is not seen, little where the picture cuts it
    whole: Array  # 1 where it is seen as a whole
    turn: NDArray[np.complexfloating]  # moment whose angle is `folds` times the shape's
    folds: int  # 0 for round shapes


@dataclass(frozen=True)
class Paths:
    """Candidates of one motion, [K, T] each or [1, T]: offsets from a place and logarithm of the relative radius. `unlike`: how
    far from the world's speeds and sizes each is, [K] or [1], in squared deviations."""

    x: Array
    y: Array
    log_radius: Array
    unlike: Array
    wraps: bool = False


def waves(times: Array, rate: float, amplitude: float, shift: float = 0.0) -> Array:
    """[K, T] sines of all tempi, amplitudes and phases."""
    return np.stack([
        amplitude * scale * np.sin(rate * tempo * times + phase + shift)
        for tempo in TEMPI for scale in AMPLITUDES for phase in PHASES
    ])  # fmt: skip


UNLIKE = np.array([
    (np.log(tempo) ** 2 + np.log(scale) ** 2) / SPREAD**2 for tempo in TEMPI for scale in AMPLITUDES for _ in PHASES
])  # fmt: skip


def paths(motion: str, times: Array) -> Paths:
    none = np.zeros((1, len(times)))
    if motion in ("right", "left", "up", "down"):
        way = 0.5 * SPEEDS[:, None] * times
        way, unlike = way if motion in ("right", "down") else -way, np.log(SPEEDS) ** 2 / SPREAD**2
        x, y = (way, none) if motion in ("right", "left") else (none, way)
        return Paths(x, y, none, unlike, wraps=True)
    if motion == "bounce":
        return Paths(none, -np.abs(waves(times, 2.2, 0.75)), none, UNLIKE)
    if motion == "sway":
        return Paths(waves(times, 1.9, 0.5), none, none, UNLIKE)
    if motion == "visit":
        return Paths(waves(times, 1.3, 1.6), none, none, UNLIKE)
    if motion == "circle":
        across, along = waves(times, 2.0, 0.35, np.pi / 2), waves(times, 2.0, 0.35)
        both = np.concatenate([UNLIKE, UNLIKE])
        return Paths(np.concatenate([across, across]), np.concatenate([along, -along]), none, both)
    if motion == "pulse":
        return Paths(none, none, np.log1p(waves(times, 2.4, 0.4)), UNLIKE)
    return Paths(none, none, none, np.zeros(1))


def place(offsets: Array, weight: Array, wraps: bool) -> Array:
    """[K, T] offsets less their weighted mean, on the circle if the picture wraps."""
    if wraps:
        angle = offsets * (2 * np.pi / WRAP)
        mean = np.angle((weight * np.exp(1j * angle)).sum(axis=-1, keepdims=True))
        return np.angle(np.exp(1j * (angle - mean))) * WRAP / (2 * np.pi)
    return offsets - (weight * offsets).sum(axis=-1, keepdims=True) / weight.sum()


def cost(track: Track, candidates: Paths) -> tuple[float, float]:
    """The lowest mean squared error of the candidates, and the radius at rest that goes with it."""
    horizontal = candidates.x.any() and candidates.wraps
    vertical = candidates.y.any() and candidates.wraps
    error_x = place(track.x - candidates.x, track.weight, horizontal) / POSITION_ERROR
    error_y = place(track.y - candidates.y, track.weight, vertical) / POSITION_ERROR
    squared = np.minimum(error_x**2 + error_y**2, FAR**2)
    total = (track.weight * squared).sum(axis=-1) / track.weight.sum() + candidates.unlike / INDEPENDENT_FRAMES  # [K]
    radius = float(np.median(track.radius[track.weight > 0]))
    if track.whole.sum() >= SEEN_FRAMES:
        logarithm = np.log(np.maximum(track.radius, 1e-3)) - candidates.log_radius
        at_rest = (track.whole * logarithm).sum(axis=-1) / track.whole.sum()
        error_radius = (logarithm - at_rest[:, None]) / RADIUS_ERROR
        squared = np.minimum(error_radius**2, FAR**2)
        total = total + (track.whole * squared).sum(axis=-1) / track.whole.sum()
        best = int(total.argmin())
        return float(total[best]), float(np.exp(at_rest[best if len(at_rest) > 1 else 0]))
    return float(total.min()), radius


def turns(track: Track) -> bool:
    """Whether the shape's angle keeps on turning at about the world's rate."""
    moment = track.turn * track.whole
    if track.folds == 0 or track.whole.sum() < SEEN_FRAMES:
        return False
    rates = np.concatenate([[0.0], np.linspace(1.3, 3.3, 21), -np.linspace(1.3, 3.3, 21)])
    strength = np.abs((moment * np.exp(-1j * track.folds * rates[:, None] * track.times)).sum(axis=-1))
    return strength[1:].max() > strength[0]


def motion_of(track: Track) -> tuple[dict[str, float], float]:
    """Probabilities of the motions, "other" and "none", and the radius at rest."""
    if (track.weight > 0).sum() < SEEN_FRAMES:
        seen = track.radius[track.weight > 0]
        return {"none": 1.0}, float(np.median(seen)) if len(seen) else 0.0
    fits = {motion: cost(track, paths(motion, track.times)) for motion in MOTIONS if motion != "spin"}
    costs = {motion: fit[0] for motion, fit in fits.items()} | {"other": OTHER_COST}
    lowest = min(costs.values())
    likelihood = {motion: np.exp(-0.5 * INDEPENDENT_FRAMES * (value - lowest)) for motion, value in costs.items()}
    total = sum(likelihood.values())
    shares = {motion: float(value / total) for motion, value in likelihood.items()}
    best = min(fits, key=lambda motion: costs[motion])
    if turns(track):
        shares["spin"] = shares.pop("still")
    return shares, fits[best][1]
