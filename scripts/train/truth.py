"""What is true of a clip, by its line: the attributes that captions tell, and what each token of it shows.

Trainings are told both, so that they need not find out from pixels alone what words are about; checkpoints are not.
"""

import numpy as np
from numpy.typing import NDArray

from render import cover, picture
from world import CAMERAS, COLORS, FPS, MOTIONS, RADII, RELATIONS, SCENES, SHAPES, Array, Subject, place_at, zoom_at

NONE = "none"  # class 0 of what not every clip has

OF_SUBJECTS = {"shape": [NONE, *SHAPES], "color": [NONE, *COLORS]}  # classes of what a token shows
# Subjects are asked for by their colors, of which no clip has two the same: "what shape is the red one?"
BY_COLOR = {
    "shape": [NONE, *SHAPES], "size": [NONE, *RADII], "motion": [NONE, *MOTIONS],
    "relation": [NONE, *(f"{kind}, {side}" for kind in RELATIONS for side in ("one", "other"))],
}  # fmt: skip
ATTRIBUTES: dict[str, list[str]] = {
    **{f"{name} of the {color} one": classes for color in COLORS for name, classes in BY_COLOR.items()},
    "scene": list(SCENES), "camera": list(CAMERAS),
}  # fmt: skip

GRID = 4  # a token's cover is measured at so many places across
SHOWS = 0.25  # cover of a token that shows a subject


def attributes(world: dict) -> list[int]:
    """The class of each of ATTRIBUTES."""
    named = {"scene": world["scene"], "camera": world["camera"]}
    for subject in world["subjects"]:
        named |= {f"{name} of the {subject['color']} one": subject[name] for name in ("shape", "size", "motion")}
    for relation in world["relations"]:
        for side in ("one", "other"):
            color = world["subjects"][relation[side]]["color"]
            named[f"relation of the {color} one"] = f"{relation['kind']}, {side}"
    return [classes.index(named.get(name, NONE)) for name, classes in ATTRIBUTES.items()]


def covers(world: dict, time: float, tokens: int) -> Array:
    """[subjects, tokens, tokens], 0 to 1."""
    size = GRID * tokens
    zoom = zoom_at(world["camera"], time)
    x, y = (places / zoom for places in picture(size))
    masks = []
    for subject in (Subject(**values) for values in world["subjects"]):
        mask = cover(subject.shape, place_at(subject, time), x, y)
        masks.append(mask.reshape(tokens, GRID, tokens, GRID).mean(axis=(1, 3)))
    return np.stack(masks)


def latent_time(frame: int) -> float:
    """The middle of the four frames of a latent one; the first stands for one frame."""
    return max(0.0, (4 * frame - 1.5) / FPS)


def shown(world: dict, begin: float, latent_frames: int, tokens: int) -> NDArray[np.uint8]:
    """[2, T, tokens, tokens]: classes of the shape and of the color that each token shows, of the nearest subject, in a
    clip that begins at that time of the world."""
    classes = np.zeros((2, latent_frames, tokens, tokens), np.uint8)
    for frame in range(latent_frames):
        for subject, mask in zip(world["subjects"], covers(world, begin + latent_time(frame), tokens)):
            shape, color = (OF_SUBJECTS[name].index(subject[name]) for name in ("shape", "color"))
            classes[:, frame, mask > SHOWS] = np.array([[shape], [color]])
    return classes
