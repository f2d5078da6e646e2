"""How the world's second edition looks: shapes with volume, shadows, light of the hour, grass, nightfall, zoom."""

import numpy as np
from numpy.typing import NDArray

import world
from rich_world import FPS, RichWorld, place_at, zoom_at
from world import COLORS, PAN_SPEED, Array, Pose, Subject, View, around, below, cover, gradient, picture

BEVEL = {"ball": 1.0, "ring": 0.24}  # how far from the edge a surface is round, in radii; 0.3 of others
LIGHT = np.array((-0.45, -0.65, 0.62), np.float32)  # towards the light; z to the viewer
# Light and its tint in each scene.
TINTS = {
    "night": (0.80, 0.84, 0.98), "sunset": (1.04, 0.94, 0.84), "snow": (0.98, 1.0, 1.03), "desert": (1.04, 1.0, 0.93),
}  # fmt: skip
GROUNDS = {"meadow": 0.78, "grass": 0.80, "snow": 0.80, "desert": 0.78, "sea": 0.80}  # where shadows fall
NIGHTFALL_SECONDS = 5.0


def grass(view: View) -> Array:
    """A meadow whose blades bend in gusts that go over it."""
    image = world.meadow(View(view.x, view.y - 0.05, view.time, view.pan, view.seed))
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
    sky = (day * (1 - first) + evening * first) * (1 - second) + world.night(view) * second
    land = np.array((0.30, 0.52, 0.26), np.float32) * (1 - 0.8 * dusk)
    return below(sky, land, view.y - 0.55 - 0.08 * np.sin(2 * view.x + view.seed), 60)


BACKGROUNDS = {**world.BACKGROUNDS, "grass": grass, "nightfall": nightfall}


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
    inside = np.clip(-world.signed_distance(subject.shape, own_x, own_y, at.radius) / bevel, 0, 1)
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


def render(rich: RichWorld, frames: int, begin: float = 0.0, size: int = 128, fps: int = FPS) -> NDArray[np.float32]:
    """[frames, size, size, 3] in 0 to 1, from `begin` seconds of the world's time on. Zooming scales the whole picture,
    panning moves only what is behind."""
    screen_x, screen_y = picture(size)
    video = np.zeros((frames, size, size, 3), np.float32)
    for frame in range(frames):
        time = begin + frame / fps
        pan, zoom = PAN_SPEED.get(rich.camera, 0.0) * time, zoom_at(rich.camera, time)
        x, y = screen_x / zoom, screen_y / zoom
        image = np.clip(BACKGROUNDS[rich.scene](View(x + pan, y, time, pan, rich.seed)), 0, 1)
        dusk = dusk_at(time) if rich.scene == "nightfall" else 0.0
        poses = [place_at(subject, time) for subject in rich.subjects]
        for at in poses:
            image = lay_shadow(image, rich.scene, at, x, y, dusk)
        for subject, at in zip(rich.subjects, poses):
            image = lay_subject(image, subject, at, tint_of(rich.scene, time), x, y)
        video[frame] = image
    return video
