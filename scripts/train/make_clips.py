#!/usr/bin/env python3
"""Renders the clips and their captions, of nothing that is held out (holdout.py), on all cores.

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

from editions import EDITIONS
from holdout import sample_for_training
from workspace import Workspace, argument_parser, start

CAPTIONS_PER_CLIP = 6
SIZE = 128
FIRST_SEED = 10_000


def open_clips(workspace: Workspace, count: int, frames: int) -> np.memmap:
    shape = (count, frames, SIZE, SIZE, 3)
    if not workspace.clips.exists():
        needed, free = math.prod(shape), shutil.disk_usage(workspace.folder).free
        if free < needed:  # the file takes no room before it is written to, and writing to a full disk kills
            raise SystemExit(f"{workspace.folder}: {count} clips take {needed / 1e9:.1f} GB, {free / 1e9:.1f} are free")
        partial = workspace.clips.with_suffix(".part")
        open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape).flush()
        partial.replace(workspace.clips)
    clips = np.load(workspace.clips, mmap_mode="r+")
    if clips.shape != shape:
        raise SystemExit(f"{workspace.clips} holds {clips.shape}, this run asks for {shape}: use another --work")
    return clips


def make_clip(index: int, number: int, frames: int) -> tuple[NDArray[np.uint8], str]:
    """Pixels and caption line of clip `index` of edition `number`."""
    edition, rng = EDITIONS[number], random.Random(FIRST_SEED + index)
    sampled = sample_for_training(rng, edition)
    pixels = (edition.render(sampled, frames) * 255).round().astype(np.uint8)
    texts = [edition.caption(sampled, rng, number) for number in range(CAPTIONS_PER_CLIP)]
    return pixels, json.dumps(dict(world=dataclasses.asdict(sampled), captions=texts)) + "\n"


def cut_half_line(workspace: Workspace) -> None:
    """Of a run that was killed while it wrote."""
    if workspace.captions.exists():
        whole = workspace.captions.read_bytes().rfind(b"\n") + 1
        os.truncate(workspace.captions, whole)


def begin_worker(parent: int) -> None:
    """Workers leave the cores to a training that runs beside them, and end with a parent that was killed."""
    os.nice(10)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--clips", type=int, help="how many (the preset's)")
    parser.add_argument("--frames", type=int, help="frames of each, 4n+1 (the preset's)")
    options = parser.parse_args()
    workspace, preset = start(options)
    count, frames = options.clips or preset.schedule.clips, options.frames or preset.schedule.frames
    clips = open_clips(workspace, count, frames)
    cut_half_line(workspace)
    done = workspace.count_clips()
    make = functools.partial(make_clip, number=options.edition, frames=frames)
    pool = multiprocessing.Pool(options.threads, begin_worker, (os.getpid(),))
    with workspace.captions.open("a") as captions, pool as workers:
        for index, (pixels, line) in enumerate(workers.imap(make, range(done, count)), start=done):
            clips[index] = pixels
            # The line comes after the pixels: clips are counted by their lines.
            captions.write(line)
            captions.flush()
            if index % 100 == 0:
                print(f"clip {index} of {count}", flush=True)


if __name__ == "__main__":
    main()
