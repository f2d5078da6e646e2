"""The whole of a subject of which only a part is seen: the pose whose silhouette covers what is seen of it, and sticks out only
where something may hide it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge_data import LABEL_SIZE
from render import cover, picture
from world import Pose

Mask = NDArray[np.bool_]

PIXEL = 2 / LABEL_SIZE
# Area of each shape of radius 1 (render.signed_distance).
AREAS = {
    "ball": 3.142, "ring": 2.352, "cube": 2.958, "diamond": 1.699, "triangle": 2.053, "star": 1.411, "other": 3.142,
}  # fmt: skip
# A turn by 1/folds looks the same; round shapes show none.
FOLDS = {"cube": 4, "triangle": 3, "star": 5, "diamond": 2}
CANDIDATES = 64
ROUNDS = 8
KEPT = 8  # of the candidates of a round: the next ones are drawn around them
SPREAD = np.array([0.5, 0.5, 0.25, 1.0])  # at first, of x and y in radii, of the radius' logarithm, of the angle in half periods
MARGIN = 1.6  # radii around what is seen
LEAST_SPREAD = 0.02


@dataclass(frozen=True)
class Fit:
    x: float
    y: float
    radius: float
    angle: float
    share: float  # of the silhouette that is seen
    misfit: float  # area seen outside of it, and of it where nothing hides it and it is not seen; of its own area


def fit_whole(mask: Mask, hiding: Mask, shape: str) -> Fit:
    """mask, hiding: [64, 64], what is seen of the subject, and where others may hide it. By the cross-entropy method, with the
    same draws every time."""
    shape = "ball" if shape == "other" else shape
    all_x, all_y = picture(LABEL_SIZE)
    radius = float(np.sqrt(mask.sum() / AREAS[shape])) * PIXEL
    middle = np.array([all_x[mask].mean(), all_y[mask].mean(), 0.0, 0.0])  # x, y, logarithm of the radius, angle
    near = (np.abs(all_x - middle[0]) < 2 * MARGIN * radius) & (np.abs(all_y - middle[1]) < 2 * MARGIN * radius) | mask
    x, y, seen, free = all_x[near], all_y[near], mask[near], (~mask & ~hiding)[near]
    scale = np.array([radius, radius, 1.0, np.pi / FOLDS.get(shape, 1)])
    draws, spread, best = np.random.default_rng(0), SPREAD.copy(), np.zeros(4)
    for _ in range(ROUNDS):
        steps = np.concatenate([best[None], best + spread * draws.standard_normal((CANDIDATES, 4))])
        values = middle + scale * steps
        poses = np.column_stack([values[:, :2], radius * np.exp(values[:, 2]), values[:, 3]])
        inside = cover(shape, Pose(*(column[:, None] for column in poses.T)), x, y, LABEL_SIZE)  # [CANDIDATES + 1, pixels]
        wrong = ((1 - inside) * seen + inside * free).sum(axis=1)
        order = wrong.argsort()[:KEPT]
        best, spread = steps[order].mean(axis=0), np.maximum(steps[order].std(axis=0), LEAST_SPREAD)
    pose, errors = poses[order[0]], float(wrong[order[0]])
    area = AREAS[shape] * (pose[2] / PIXEL) ** 2
    return Fit(*(float(value) for value in pose), share=min(1.0, float(mask.sum()) / area), misfit=errors / area)
