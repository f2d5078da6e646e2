#!/usr/bin/env python3
"""Renders clips, stills and their captions, of nothing that is held out (holdout.py), on all cores.

Clip n is the same on every machine; a run that was cut off goes on.
"""

import dataclasses
import functools
import json
import math
import multiprocessing
import os
import random
import shutil
import threading
import time

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from holdout import sample_for_training
from render import render
from workspace import Footage, argument_parser, start
from world import CLIP_LEVELS, caption

SIZE = 128
LATEST_BEGIN = 12.0  # seconds of the world's time
FIRST_SEEDS = {"clips": 10_000, "stills": 10_000_000}


def open_pixels(footage: Footage, count: int, frames: int) -> np.memmap:
    shape = (count, frames, SIZE, SIZE, 3)
    if not footage.pixels.exists():
        needed, free = math.prod(shape), shutil.disk_usage(footage.folder).free
        if free < needed:  # the file takes no room before it is written to, and writing to a full disk kills
            raise SystemExit(
                f"{footage.folder}: {count} {footage.name} take {needed / 1e9:.1f} GB, {free / 1e9:.1f} are free"
            )
        partial = footage.pixels.with_suffix(".part")
        open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape).flush()
        partial.replace(footage.pixels)
    pixels = np.load(footage.pixels, mmap_mode="r+")
    if pixels.shape != shape:
        raise SystemExit(f"{footage.pixels} holds {pixels.shape}, this run asks for {shape}: use another --work")
    return pixels


def make_clip(seed: int, frames: int) -> tuple[NDArray[np.uint8], str]:
    """Pixels and line of a clip. Some begin later than their world does: so long videos are known to go on."""
    rng = random.Random(seed)
    sampled = sample_for_training(rng)
    begin = rng.uniform(0, LATEST_BEGIN) if frames > 1 and rng.random() < 0.3 else 0.0
    pixels = (render(sampled, frames, begin) * 255).round().astype(np.uint8)
    texts = [caption(sampled, rng, level) for level in CLIP_LEVELS]
    return pixels, json.dumps(dict(world=dataclasses.asdict(sampled), begin=begin, captions=texts)) + "\n"


def cut_half_line(footage: Footage) -> None:
    """Of a run that was killed while it wrote."""
    if footage.lines.exists():
        whole = footage.lines.read_bytes().rfind(b"\n") + 1
        os.truncate(footage.lines, whole)


def begin_worker(parent: int) -> None:
    """Workers leave the cores to a training that runs beside them, and end with a parent that was killed."""
    os.nice(10)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def make_all(footage: Footage, count: int, frames: int, threads: int) -> None:
    pixels = open_pixels(footage, count, frames)
    cut_half_line(footage)
    make = functools.partial(make_clip, frames=frames)
    pool = multiprocessing.Pool(threads, begin_worker, (os.getpid(),))
    first_seed, done = FIRST_SEEDS[footage.name], footage.count()
    with footage.lines.open("a") as lines, pool as workers:
        made = workers.imap(make, range(first_seed + done, first_seed + count))
        for index, (clip, line) in enumerate(made, start=done):
            pixels[index] = clip
            # The line comes after the pixels: clips are counted by their lines.
            lines.write(line)
            lines.flush()
            if index % 100 == 0:
                print(f"{index} of {count} {footage.name}", flush=True)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--clips", type=int, help="how many (the preset's)")
    parser.add_argument("--frames", type=int, help="frames of each, 4n+1 (the preset's)")
    parser.add_argument("--stills", type=int, help="how many (the preset's)")
    options = parser.parse_args()
    workspace, preset = start(options)
    schedule = preset.schedule
    for footage, count, frames in (
        (workspace.clips, options.clips or schedule.clips, options.frames or schedule.frames),
        (workspace.stills, options.stills or schedule.stills, 1),
    ):
        make_all(footage, count, frames, options.threads)


if __name__ == "__main__":
    main()
