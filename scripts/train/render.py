"""How the world looks: shapes with volume, under a light that casts shadows, seen by a camera."""

import numpy as np
from numpy.typing import NDArray

from scenes import BACKGROUNDS, View, around, dusk_at
from world import COLORS, FPS, PAN_SPEED, Array, Pose, Subject, World, place_at, zoom_at

BEVEL = {"ball": 1.0, "ring": 0.24}  # how far from the edge a surface is round, in radii; 0.3 of others
LIGHT = np.array((-0.45, -0.65, 0.62), np.float32)  # towards the light; z to the viewer
# Light and its tint in each scene.
TINTS = {
    "night": (0.80, 0.84, 0.98), "sunset": (1.04, 0.94, 0.84), "snow": (0.98, 1.0, 1.03), "desert": (1.04, 1.0, 0.93),
}  # fmt: skip
GROUNDS = {"meadow": 0.78, "grass": 0.80, "snow": 0.80, "desert": 0.78, "sea": 0.80}  # where shadows fall


def picture(size: int) -> tuple[Array, Array]:
    """x and y of all pixels, each [size, size]."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    return (columns + 0.5) / size * 2 - 1, (rows + 0.5) / size * 2 - 1


# --------------------------------------------------------------------------------------------------------------- shapes


def star_distance(x: Array, y: Array, radius: float) -> Array:
    """Distance to the edge from an outer tip to an inner corner, the star folded onto one tenth of itself."""
    sector = 2 * np.pi / 5
    angle = np.arctan2(x, -y)
    folded = np.abs((angle + sector / 2) % sector - sector / 2)
    distance = np.hypot(x, y)
    across, along = distance * np.sin(folded), distance * np.cos(folded)
    inner_along, inner_across = 0.48 * radius * np.cos(sector / 2), 0.48 * radius * np.sin(sector / 2)
    normal_along, normal_across = inner_across, -(inner_along - radius)
    length = np.hypot(normal_along, normal_across)
    return ((along - radius) * normal_along + across * normal_across) / length


def signed_distance(shape: str, x: Array, y: Array, radius: float) -> Array:
    """Negative inside the shape."""
    if shape == "ball":
        return np.hypot(x, y) - radius
    if shape == "ring":
        return np.abs(np.hypot(x, y) - radius * 0.78) - radius * 0.24
    if shape == "cube":
        return np.maximum(np.abs(x), np.abs(y)) - radius * 0.86
    if shape == "diamond":
        return (np.abs(x) * 1.25 + np.abs(y) * 0.85) - radius * 0.95
    if shape == "triangle":
        sides = np.maximum(0.87 * x - 0.5 * y, -0.87 * x - 0.5 * y) - radius * 0.62
        return np.maximum(y - radius * 0.65, sides)
    return star_distance(x, y, radius)


def cover(shape: str, at: Pose, x: Array, y: Array, size: int | None = None) -> Array:
    """[H, W], 1 inside the shape, its edge smoothed over two pixels; `size`: of the picture, where x and y are a part. Of many
    poses at once, if the numbers in `at` are [K, 1] and x and y [P]: [K, P]."""
    x, y = x - at.x, y - at.y
    if np.any(at.angle):
        cosine, sine = np.cos(at.angle), np.sin(at.angle)
        x, y = cosine * x + sine * y, -sine * x + cosine * y
    return np.clip(0.5 - signed_distance(shape, x, y, at.radius) * (size or len(x)) / 2, 0, 1)


# ----------------------------------------------------------------------------------------------------- light and shadow


def tint_of(scene: str, time: float) -> Array:
    if scene == "nightfall":
        night = np.array(TINTS["night"], np.float32)
        return 1 + (night - 1) * dusk_at(time)
    return np.array(TINTS.get(scene, (1.0, 1.0, 1.0)), np.float32)


def surface_light(subject: Subject, at: Pose, x: Array, y: Array, size: int) -> tuple[Array, Array]:
    """Light and gloss on the shape's surface, each as x and y: round at its edge, flat inside; the ball is all round."""
    cosine, sine = np.cos(at.angle), np.sin(at.angle)
    own_x, own_y = cosine * (x - at.x) + sine * (y - at.y), -sine * (x - at.x) + cosine * (y - at.y)
    bevel = BEVEL.get(subject.shape, 0.3) * at.radius
    inside = np.clip(-signed_distance(subject.shape, own_x, own_y, at.radius) / bevel, 0, 1)
    height = bevel * np.sqrt(np.clip(1 - (1 - inside) ** 2, 0.02, 1))
    slope_y, slope_x = np.gradient(height, 2 / size)
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    facing = (-slope_x * LIGHT[0] - slope_y * LIGHT[1] + LIGHT[2]) / length
    return 0.60 + 0.55 * np.clip(facing, 0, 1), np.clip(facing, 0, 1) ** 24


def lay_shadow(image: Array, scene: str, at: Pose, x: Array, y: Array, dusk: float) -> Array:
    """On the wall beside the subject, or on the ground below it, fainter the higher it is."""
    if scene == "gray":
        distance = np.hypot(x - at.x - 0.10, y - at.y - 0.14) - at.radius
        depth = 0.22 / (1 + np.exp(np.clip(distance * 22, -60, 60)))
    elif scene in GROUNDS or scene == "nightfall":
        ground = GROUNDS.get(scene, 0.82)
        above = max(ground - at.y - at.radius, 0.0)
        wide = at.radius * (1 + 0.4 * above)
        distance = np.hypot((x - at.x - 0.15 * above) / wide, (y - ground) / (0.28 * wide))
        depth = 0.45 / (1 + 2.5 * above) * np.clip(1.25 - distance, 0, 1) * (1 - 0.7 * dusk)
    else:
        return image
    return image * (1 - depth[..., None])


def lay_subject(image: Array, subject: Subject, at: Pose, tint: Array, x: Array, y: Array) -> Array:
    part = around(x, y, (at.x, at.y), 1.4 * at.radius)  # no shape has a corner farther out
    if min(image[part].shape[:2]) < 2:
        return image
    size, x, y = len(x), x[part], y[part]
    covered = cover(subject.shape, at, x, y, size)[..., None]
    light, gloss = surface_light(subject, at, x, y, size)
    color = np.array(COLORS[subject.color], np.float32) * tint * light[..., None] + 0.28 * gloss[..., None]
    image = image.copy()
    image[part] = image[part] * (1 - covered) + np.clip(color, 0, 1) * covered
    return image


def render(world: World, frames: int, begin: float = 0.0, size: int = 128, fps: int = FPS) -> NDArray[np.float32]:
    """[frames, size, size, 3] in 0 to 1, from `begin` seconds of the world's time on. Zooming scales the whole picture,
    panning moves only what is behind."""
    screen_x, screen_y = picture(size)
    video = np.zeros((frames, size, size, 3), np.float32)
    for frame in range(frames):
        time = begin + frame / fps
        pan, zoom = PAN_SPEED.get(world.camera, 0.0) * time, zoom_at(world.camera, time)
        x, y = screen_x / zoom, screen_y / zoom
        image = np.clip(BACKGROUNDS[world.scene](View(x + pan, y, time, pan, world.seed)), 0, 1)
        dusk = dusk_at(time) if world.scene == "nightfall" else 0.0
        poses = [place_at(subject, time) for subject in world.subjects]
        for at in poses:
            image = lay_shadow(image, world.scene, at, x, y, dusk)
        for subject, at in zip(world.subjects, poses):
            image = lay_subject(image, subject, at, tint_of(world.scene, time), x, y)
        video[frame] = image
    return video
