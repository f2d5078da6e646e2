#!/usr/bin/env python3
"""Renders the clips and their captions, of nothing that is held out (holdout.py).

Clip n is the same on every machine; a run that was cut off goes on.
"""

import dataclasses
import json
import random

import numpy as np
from numpy.lib.format import open_memmap

from editions import EDITIONS
from holdout import sample_for_training
from workspace import Workspace, argument_parser, start

CAPTIONS_PER_CLIP = 6
SIZE = 128
FIRST_SEED = 10_000


def open_clips(workspace: Workspace, count: int, frames: int) -> np.memmap:
    shape = (count, frames, SIZE, SIZE, 3)
    if not workspace.clips.exists():
        return open_memmap(workspace.clips, mode="w+", dtype=np.uint8, shape=shape)
    clips = np.load(workspace.clips, mmap_mode="r+")
    if clips.shape != shape:
        raise SystemExit(f"{workspace.clips} holds {clips.shape}, this run asks for {shape}: use another --work")
    return clips


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--clips", type=int, default=4500, help="how many (%(default)s)")
    parser.add_argument("--frames", type=int, default=41, help="frames of each, 4n+1 (%(default)s)")
    options = parser.parse_args()
    workspace, _ = start(options)
    clips = open_clips(workspace, options.clips, options.frames)
    edition = EDITIONS[options.edition]
    done = len(workspace.load_captions()) if workspace.captions.exists() else 0
    with workspace.captions.open("a") as captions:
        for index in range(done, options.clips):
            rng = random.Random(FIRST_SEED + index)
            sampled = sample_for_training(rng, edition)
            clips[index] = (edition.render(sampled, options.frames) * 255).astype(np.uint8)
            texts = [edition.caption(sampled, rng, number) for number in range(CAPTIONS_PER_CLIP)]
            # The line comes after the pixels: clips are counted by their lines.
            captions.write(json.dumps(dict(world=dataclasses.asdict(sampled), captions=texts)) + "\n")
            captions.flush()
            if index % 100 == 0:
                print(f"clip {index} of {options.clips}", flush=True)


if __name__ == "__main__":
    main()
