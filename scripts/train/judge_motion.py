"""Which of the world's motions a subject's track shows: each motion's paths are fitted to it, the nearest one wins.

Speeds and amplitudes may be off by a third or so, the less likely the more; a track that no path comes near is "other", one that was
hardly seen "none".
"""

from dataclasses import dataclass

import numpy as np

from judge_tracks import SEEN_FRAMES, Track
from world import MOTIONS, Array

POSITION_ERROR = 0.06  # of a path that still counts as the motion; the picture is 2 wide
RADIUS_ERROR = 0.12  # relative
FAR = 3.0  # errors, beyond which a frame is an outlier
OTHER_ERROR = 4.5  # mean squared error of a path that is none
INDEPENDENT_FRAMES = 8  # neighbours in time err alike
WRAP = 2.9  # what leaves on one side comes back on the other
INSIDE = 0.1  # a subject whose center is farther from the picture's edge is seen
GONE = 0.5  # what a frame counts without the subject
SPEEDS = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4])
TEMPI = (0.8, 0.9, 1.0, 1.1, 1.25)
AMPLITUDES = (0.7, 0.85, 1.0, 1.18, 1.4)
SPREAD = 0.12  # of the logarithms of tempo and amplitude
PHASES = np.linspace(0, 2 * np.pi, 24, endpoint=False)


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


def fit(seen: Array, path: Array, weight: Array, wraps: bool) -> tuple[Array, Array]:
    """[T], [K, T] → where each path leads, laid through what was seen, and how far off that is, on the circle if the picture
    wraps: [K, T] each."""
    if not wraps:
        start = (weight * (seen - path)).sum(axis=-1, keepdims=True) / weight.sum()
        return path + start, seen - path - start
    circle = 2 * np.pi / WRAP
    start = np.angle((weight * np.exp(1j * circle * (seen - path))).sum(axis=-1, keepdims=True))
    return tuple(np.angle(np.exp(1j * angle)) / circle for angle in (circle * path + start, circle * (seen - path) - start))


def weigh(track: Track, candidates: Paths) -> tuple[float, float]:
    """How well the candidates agree with the track, and the radius at rest of the one that does best."""
    x, error_x = fit(track.x, candidates.x, track.trust, bool(candidates.wraps and candidates.x.any()))
    y, error_y = fit(track.y, candidates.y, track.trust, bool(candidates.wraps and candidates.y.any()))
    squared = np.minimum((error_x**2 + error_y**2) / POSITION_ERROR**2, FAR**2)
    is_inside = np.maximum(np.abs(x), np.abs(y)) < track.edge - INSIDE
    weight_gone = GONE * track.gone
    error = (track.trust * squared + weight_gone * is_inside * FAR**2).sum(axis=-1)
    total = error / (track.trust + weight_gone).sum()  # [K]
    logarithm = np.log(np.maximum(track.radius, 1e-3)) - candidates.log_radius
    at_rest = (track.trust * logarithm).sum(axis=-1) / track.trust.sum()
    squared = np.minimum(((logarithm - at_rest[:, None]) / RADIUS_ERROR) ** 2, FAR**2)
    total = total + (track.trust * squared).sum(axis=-1) / track.trust.sum()
    best = int(total.argmin())
    return agree(total, candidates), float(np.exp(at_rest[best if len(at_rest) > 1 else 0]))


def agree(errors: Array, candidates: Paths) -> float:
    """The logarithm of the probability of what was seen, over all candidates by how likely they are: a motion that can look
    like anything says less than one that can only look so."""
    likely = np.broadcast_to(-0.5 * candidates.unlike, errors.shape)
    return float(np.logaddexp.reduce(likely - 0.5 * INDEPENDENT_FRAMES * errors) - np.logaddexp.reduce(likely))


def turns(track: Track) -> bool:
    """Whether the shape's angle keeps on turning at about the world's rate."""
    if track.folds == 0 or np.count_nonzero(track.turn) < SEEN_FRAMES:
        return False
    rates = np.concatenate([[0.0], np.linspace(1.3, 3.3, 21), -np.linspace(1.3, 3.3, 21)])
    strength = np.abs((track.turn * np.exp(-1j * track.folds * rates[:, None] * track.times)).sum(axis=-1))
    return strength[1:].max() > strength[0]


def motion_of(track: Track) -> tuple[dict[str, float], float]:
    """Probabilities of the motions, "other" and "none", and the radius at rest."""
    if (track.trust > 0).sum() < SEEN_FRAMES:
        seen = track.radius[track.trust > 0]
        return {"none": 1.0}, float(np.median(seen)) if len(seen) else 0.0
    fits = {motion: weigh(track, paths(motion, track.times)) for motion in MOTIONS if motion != "spin"}
    logarithms = {motion: fit[0] for motion, fit in fits.items()} | {"other": -0.5 * INDEPENDENT_FRAMES * OTHER_ERROR}
    total = np.logaddexp.reduce(list(logarithms.values()))
    shares = {motion: float(np.exp(value - total)) for motion, value in logarithms.items()}
    best = max(fits, key=lambda motion: fits[motion][0])
    if turns(track):
        shares["spin"] = shares.pop("still")
    return shares, fits[best][1]
