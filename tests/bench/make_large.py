#!/usr/bin/env python3
"""Writes a checkpoint of random weights with the shapes of Wan 2.1 T2V 1.3B, to measure speed and memory with.

In full: UMT5-XXL (11.4 GB in bf16), 30 layers of the transformer (2.8 GB in bf16) and the VAE (0.5 GB in fp32). Takes
minutes and hardly any memory.
"""

import argparse
import shutil
from pathlib import Path

from random_checkpoint import GIB, UMT5_SMALL, UMT5_XXL, write_checkpoint

TEXT_ENCODERS = {"umt5-xxl": (UMT5_XXL, 11 * GIB), "small": (UMT5_SMALL, 0)}
BYTES_PER_LAYER = 100 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder to write")
    parser.add_argument("--layers", type=int, default=30, help="of the transformer (%(default)s)")
    parser.add_argument("--text", choices=TEXT_ENCODERS, default="umt5-xxl", help="text encoder (%(default)s)")
    options = parser.parse_args()
    sizes, text_bytes = TEXT_ENCODERS[options.text]
    needed = GIB + text_bytes + options.layers * BYTES_PER_LAYER
    options.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(options.folder).free
    if free < needed:
        raise SystemExit(f"{options.folder}: {free / GIB:.1f} GiB are free, {needed / GIB:.1f} are needed")
    write_checkpoint(options.folder, sizes, options.layers)


if __name__ == "__main__":
    main()
