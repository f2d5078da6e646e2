"""How a video changes over its length: color, saturation, sharpness, and whether it still moves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FROZEN = 0.25  # of 255: mean difference of two frames below which nothing moves


@dataclass(frozen=True)
class Look:
    """Means over some frames; colors in 0 to 1."""

    color: tuple[float, float, float]
    saturation: float
    sharpness: float
    motion: float  # mean difference of neighbouring frames, in 0 to 1
    frozen: float  # share of neighbouring frames that are the same to the eye


def look(frames: NDArray[np.uint8]) -> Look:
    """frames: [T, H, W, 3]. Sharpness is the mean size of the Laplacian of the luma."""
    pixels = frames.astype(np.float32) / 255
    luma = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    center = luma[:, 1:-1, 1:-1]
    laplacian = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * center
    steps = np.abs(np.diff(pixels, axis=0)).mean(axis=(1, 2, 3)) if len(pixels) > 1 else np.zeros(1)
    return Look(
        color=tuple(float(value) for value in pixels.mean(axis=(0, 1, 2))),
        saturation=float((pixels.max(axis=-1) - pixels.min(axis=-1)).mean()),
        sharpness=float(np.abs(laplacian).mean()),
        motion=float(steps.mean()),
        frozen=float((steps < FROZEN / 255).mean()),
    )


@dataclass(frozen=True)
class Drift:
    """From the first part of a video to its last."""

    first: Look
    last: Look

    @property
    def color(self) -> float:
        """Distance of the mean colors."""
        return float(np.linalg.norm(np.subtract(self.last.color, self.first.color)))

    @property
    def saturation(self) -> float:
        """Relative change, 0 for none."""
        return self.last.saturation / max(self.first.saturation, 1e-6) - 1

    @property
    def sharpness(self) -> float:
        return self.last.sharpness / max(self.first.sharpness, 1e-6) - 1

    @property
    def freezes(self) -> bool:
        """Moved at first, stands at last."""
        return self.first.frozen < 0.5 < self.last.frozen


def drift(frames: NDArray[np.uint8], part: float = 0.15) -> Drift:
    count = max(2, round(len(frames) * part))
    return Drift(look(frames[:count]), look(frames[-count:]))
