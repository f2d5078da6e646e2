#!/usr/bin/env python3
"""Runs every ```sh block of the README's section "Examples" as a reader would, each in the same empty folder.

usage: readme_examples.py README.md FOLDER_OF_THE_PROGRAM

Fails if there are fewer than ten commands, if a command fails, or if a file that a command names with -o is not there.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def examples(readme: str) -> list[str]:
    section = readme.split("\n## Examples\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)


def promised_files(block: str) -> list[str]:
    """Paths behind -o; of a numbered pattern, the first file."""
    return [name.strip("'") % 1 if "%" in name else name.strip("'") for name in re.findall(r" -o (\S+)", block)]


def run(block: str, folder: str, path: str) -> None:
    print(f"--- {block.strip()}", flush=True)
    # What the developer has set for the program is not what is tested.
    env = {name: value for name, value in os.environ.items() if not name.startswith("SORA_GEN_")}
    env |= {"PATH": path, "XDG_CONFIG_HOME": f"{folder}/none", "XDG_CACHE_HOME": f"{folder}/.cache",
            "XDG_DATA_HOME": f"{folder}/.data"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, env=env, check=True)
    for name in promised_files(block):
        output = Path(folder) / name
        if not output.is_file() or output.stat().st_size == 0:
            sys.exit(f"{name} was promised and is not there")


def main() -> None:
    readme, programs = Path(sys.argv[1]), sys.argv[2]
    blocks = examples(readme.read_text(encoding="utf-8"))
    commands = sum(block.count("sora-gen ") for block in blocks)
    if commands < 10:
        sys.exit(f"found {commands} commands in the examples; expected at least 10")
    with tempfile.TemporaryDirectory() as folder:
        for block in blocks:
            run(block, folder, f"{programs}:{os.environ['PATH']}")
    print(f"{commands} commands of {len(blocks)} examples ran")


if __name__ == "__main__":
    main()
