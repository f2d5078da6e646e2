#!/usr/bin/env python3
"""Checks the judge on clips that it was never trained on, as they are and as a VAE shows them: at least 98 % of all
answers are right, and 4 in 5 blobs are given no shape's name. Each question has a bar, too.
"""

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from judge import NETWORKS, WINDOW, Judge, Verdict
from judge_data import LABEL_SIZE, SHAPE_CLASSES, sample_clip
from judge_fit import AREAS, PIXEL
from judge_score import ATTRIBUTES, Scores, Tally, answers, match, right_attributes, table
from prompts import true_frames
from render import cover, picture
from train_judge import VAE, load_vae, through_vae
from world import FPS, World, place_at, sample, zoom_at

WANTED = 0.98  # of all answers about single attributes
WANTED_OF_EACH = 0.90  # also of those that need several attributes at once
WANTED_OF_BLOBS = 0.8
ENOUGH = 0.7  # of a subject, to tell what it is
LEAST_SHOWN = 0.25  # of the frames
SINGLE = (*ATTRIBUTES, "scene", "camera")


def seen_shares(world: World, time: float) -> list[float]:
    """Of each subject: how much of it is in the picture and not hidden by those before it."""
    zoom = zoom_at(world.camera, time)
    x, y = (places / zoom for places in picture(LABEL_SIZE))
    poses = [place_at(subject, time) for subject in world.subjects]
    masks = [cover(subject.shape, at, x, y) for subject, at in zip(world.subjects, poses)]
    shares, free = [], np.ones_like(x)
    for subject, at, mask in reversed(list(zip(world.subjects, poses, masks))):
        shares.append(float((mask * free).sum()) * (PIXEL / zoom) ** 2 / (AREAS[subject.shape] * at.radius**2))
        free = free * (1 - mask)
    return shares[::-1]


def shows(world: World) -> bool:
    """Whether enough of each subject is seen for long enough."""
    shares = np.array([seen_shares(world, frame / FPS) for frame in range(WINDOW)])  # [frames, subjects]
    return bool(((shares >= ENOUGH).mean(axis=0) >= LEAST_SHOWN).all())


def true_clip(index: int) -> tuple[World, np.ndarray]:
    """What is hardly seen cannot be judged."""
    rng = random.Random(f"check {index}")
    while True:
        asked = sample(rng)
        if shows(asked):
            return asked, true_frames(asked, WINDOW)


def blob_clip(index: int) -> np.ndarray:
    """Something shapeless over a scene, and nothing else."""
    rng = random.Random(f"check blob {index}")
    while True:
        clip = sample_clip(rng)
        if set(np.unique(clip.shapes)) == {0, SHAPE_CLASSES.index("other")}:
            return clip.frames


def is_refused(verdict: Verdict) -> bool:
    return all(subject.best("shape") in ("other", "none") for subject in verdict.subjects)


def print_mistakes(index: int, asked: World, verdict: Verdict) -> None:
    print(f"clip {index}: {asked}\n  scene {verdict.scene}, camera {verdict.camera}")
    for subject, seen in zip(asked.subjects, match(asked, verdict)):
        wrong = [name for name, right in right_attributes(subject, seen).items() if not right]
        print("  ", wrong, subject, {name: getattr(seen, name) for name in wrong} if seen else "not seen")


def check(options: argparse.Namespace, see: Callable[[np.ndarray], Verdict]) -> Scores:
    scores = Scores()
    for index in range(options.clips):
        asked, frames = true_clip(index)
        verdict = see(frames)
        rights = answers(asked, verdict)
        scores.add(rights)
        if options.verbose and not all(all(right) for right in rights.values()):
            print_mistakes(index, asked, verdict)
    return scores


def too_low(column: str, scores: Scores) -> list[str]:
    single = [tally for question, tally in scores.tallies.items() if question in SINGLE]
    share = sum(tally.right for tally in single) / sum(tally.total for tally in single)
    print(f"{column}: {share:.1%} of all single attributes")
    low = [question for question, tally in scores.tallies.items() if tally.share < WANTED_OF_EACH]
    return [f"{question}, {column}" for question in low + (["all together"] if share < WANTED else [])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100, help="of each column (%(default)s)")
    parser.add_argument("--blobs", type=int, default=20, help="clips of nothing that has a name (%(default)s)")
    parser.add_argument("--vae", type=Path, default=VAE, help="of the second column; '' for none (%(default)s)")
    parser.add_argument("--networks", type=Path, default=NETWORKS, help="the judge's (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="print what was wrong")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    judge = Judge(options.networks, options.threads)
    columns = {"as drawn": check(options, judge.judge)}
    if options.vae.name:
        vae = load_vae(options.vae)
        columns["as the VAE shows them"] = check(options, lambda frames: judge.judge(through_vae(vae, frames)))
    low = [question for column, scores in columns.items() for question in too_low(column, scores)]
    blobs = Tally()
    for index in range(options.blobs):
        blobs.add(is_refused(judge.judge(blob_clip(index))))
    columns["blobs"] = Scores({"no shape's name": blobs})
    if blobs.total and blobs.share < WANTED_OF_BLOBS:
        low.append("blobs")
    print(table(columns))
    if low:
        sys.exit(f"too few right: {', '.join(low)}")


if __name__ == "__main__":
    main()
