"""What is behind the subjects: one background for each of the world's scenes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from world import Array, Color, wrapped

NIGHTFALL_SECONDS = 5.0


@dataclass(frozen=True)
class View:
    """What a background is painted for: coordinates of all pixels, the time and how far the camera has panned."""

    x: Array
    y: Array
    time: float
    pan: float
    seed: int

    @property
    def height(self) -> Array:
        """0 at the top of the picture, 1 at its bottom."""
        return (self.y + 1) / 2


def gradient(start: Color, end: Color, weight: Array) -> Array:
    """[H, W, 3]: from `start` where the weight is 0 to `end` where it is 1."""
    weight = weight[..., None]
    return np.array(start, np.float32) * (1 - weight) + np.array(end, np.float32) * weight


def below(sky: Array, ground: Array | Color, depth: Array, sharpness: float) -> Array:
    """`ground` where the depth under the horizon is positive, with a soft edge."""
    mask = (1 / (1 + np.exp(-np.clip(depth * sharpness, -80, 80))))[..., None]
    return sky * (1 - mask) + np.asarray(ground, np.float32) * mask


def around(x: Array, y: Array, place: tuple[float, float], reach: float) -> tuple[slice, slice]:
    """Rows and columns of the pixels that are no farther from the place than `reach`, across or down."""
    row_ends = np.searchsorted(y[:, 0], (place[1] - reach, place[1] + reach))
    column_ends = np.searchsorted(x[0], (place[0] - reach, place[0] + reach))
    return slice(*row_ends), slice(*column_ends)


def spot(view: View, place: tuple[float, float], sharpness: float) -> tuple[tuple[slice, slice], Array]:
    """A soft point of light: where it is seen, and how bright it is there, [h, w, 1]."""
    part = around(view.x, view.y, place, reach=float(np.sqrt(24 / sharpness)))
    distance = (view.x[part] - place[0]) ** 2 + (view.y[part] - place[1]) ** 2
    return part, np.exp(-distance * sharpness)[..., None]


def meadow(view: View) -> Array:
    sky = gradient((0.45, 0.72, 0.95), (0.80, 0.92, 0.99), np.clip(view.height / 0.6, 0, 1))
    depth = view.y - (0.25 + 0.10 * np.sin(2.1 * view.x + view.seed))
    grass = gradient((0.36, 0.66, 0.26), (0.18, 0.45, 0.14), np.clip(depth / 0.8, 0, 1))
    return below(sky, grass, depth, 60)


def sea(view: View) -> Array:
    sky = gradient((0.55, 0.78, 0.96), (0.88, 0.95, 0.99), np.clip(view.height / 0.55, 0, 1))
    swell = view.y + 0.04 * np.sin(5 * view.x + 2 * view.time + view.seed)
    waves = 0.5 + 0.5 * np.sin(14 * swell * (1.3 - view.y * 0.4) + 3 * view.time)
    water = gradient((0.05, 0.28, 0.55), (0.16, 0.48, 0.74), np.clip(waves, 0, 1))
    return below(sky, water, view.y - 0.1, 80)


def night(view: View) -> Array:
    image = gradient((0.02, 0.02, 0.10), (0.10, 0.08, 0.24), view.height)
    stars = np.random.RandomState(view.seed * 7919 % 100003)
    for _ in range(26):
        x = wrapped(stars.uniform(-1.3, 1.3) - view.pan, 1.3) + view.pan
        y = stars.uniform(-1.0, 1.0)
        twinkle = 0.75 + 0.25 * np.sin(3 * view.time + stars.uniform(0, 6))
        part, light = spot(view, (x, y), 1400)
        image[part] += twinkle * light
    return image


def sunset(view: View) -> Array:
    image = gradient((0.35, 0.16, 0.42), (0.98, 0.55, 0.22), np.clip(view.height * 1.2, 0, 1))
    distance = np.hypot(view.x - 0.35 * np.sin(view.seed), view.y - 0.35)
    glow = (np.clip(1 - distance / 0.9, 0, 1) ** 2)[..., None]
    return below(image + glow * np.array((0.35, 0.25, 0.05)), (0.14, 0.07, 0.16), view.y - 0.62, 70)


def snow(view: View) -> Array:
    sky = gradient((0.66, 0.74, 0.84), (0.86, 0.90, 0.95), view.height)
    image = below(sky, (0.95, 0.97, 1.0), view.y - 0.5 - 0.05 * np.sin(3 * view.x + view.seed), 60)
    flakes = np.random.RandomState(view.seed * 104729 % 100003)
    for _ in range(22):
        x = wrapped(flakes.uniform(-1.2, 1.2) - view.pan, 1.2) + view.pan
        y = wrapped(flakes.uniform(-1.2, 1.2) + 0.8 * view.time, 1.2)
        drift = 0.05 * np.sin(2 * view.time + x * 9)
        part, light = spot(view, (x + drift, y), 900)
        image[part] += 0.6 * light
    return image


def desert(view: View) -> Array:
    sky = gradient((0.98, 0.80, 0.52), (0.99, 0.92, 0.76), np.clip(view.height / 0.6, 0, 1))
    dunes = 0.2 + 0.12 * np.sin(1.7 * view.x + view.seed) + 0.05 * np.sin(4.3 * view.x + 2 * view.seed)
    sand = gradient((0.90, 0.70, 0.40), (0.72, 0.50, 0.26), np.clip((view.y - dunes) / 0.8, 0, 1))
    return below(sky, sand, view.y - dunes, 60)


def gray(view: View) -> Array:
    return gradient((0.62, 0.62, 0.64), (0.46, 0.46, 0.48), view.height)


def grass(view: View) -> Array:
    """A meadow whose blades bend in gusts that go over it."""
    image = meadow(View(view.x, view.y - 0.05, view.time, view.pan, view.seed))
    depth = np.clip((view.y - 0.2) / 0.8, 0, 1)
    bend = 0.10 * np.sin(1.6 * view.time + 2.2 * view.x + view.seed) * depth
    blades = np.sin((view.x + bend * (1.2 - view.y)) * 46 + 2 * np.sin(9 * view.x)) * depth
    gust = np.sin(2.2 * view.x - 2.0 * view.time + view.seed) * depth
    return image * (1 + 0.16 * blades + 0.12 * gust)[..., None]


def dusk_at(time: float) -> float:
    """0 by day, 1 by night."""
    share = min(time / NIGHTFALL_SECONDS, 1.0)
    return share * share * (3 - 2 * share)


def nightfall(view: View) -> Array:
    dusk = dusk_at(view.time)
    day = gradient((0.42, 0.68, 0.95), (0.85, 0.92, 0.98), view.height)
    evening = gradient((0.22, 0.22, 0.50), (0.95, 0.55, 0.35), view.height)
    first, second = min(2 * dusk, 1.0), max(2 * dusk - 1, 0.0)
    sky = (day * (1 - first) + evening * first) * (1 - second) + night(view) * second
    land = np.array((0.30, 0.52, 0.26), np.float32) * (1 - 0.8 * dusk)
    return below(sky, land, view.y - 0.55 - 0.08 * np.sin(2 * view.x + view.seed), 60)


BACKGROUNDS: dict[str, Callable[[View], Array]] = {
    "meadow": meadow, "sea": sea, "night": night, "sunset": sunset, "snow": snow, "desert": desert, "gray": gray,
    "grass": grass, "nightfall": nightfall,
}  # fmt: skip
