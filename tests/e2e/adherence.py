#!/usr/bin/env python3
"""Renders prompts with the shipped checkpoint and asks the judge (scripts/evaluate) how much of what they ask for is seen.

usage: adherence.py PROGRAM

Fails where less is right than BARS say. They are what models/README.md has of many more prompts, less what so few may be off by
chance.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

EVALUATE = Path(__file__).resolve().parents[2] / "scripts/evaluate"
CLIPS = 12
BARS = {"scene": 0.9, "color": 0.75, "shape": 0.25}


def measure(program: str, folder: Path) -> dict[str, dict]:
    """Right and total of each question."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SORA_GEN_")}
    environment |= {"XDG_CONFIG_HOME": f"{folder}/none", "XDG_CACHE_HOME": f"{folder}/cache", "XDG_DATA_HOME": f"{folder}/data"}
    report = folder / "report.json"
    command = [
        sys.executable, str(EVALUATE), "--program", program, "--clips", str(CLIPS), "--work", str(folder / "clips"),
        "--json", str(report),
    ]  # fmt: skip
    subprocess.run(command, check=True, env=environment)
    return json.loads(report.read_text())["settings"][0]["scores"]["all"]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        scores = measure(sys.argv[1], Path(folder))
    low = [
        f"{question}: {scores[question]['right']} of {scores[question]['total']} right, {bar:.0%} asked"
        for question, bar in BARS.items() if scores[question]["right"] < bar * scores[question]["total"]
    ]  # fmt: skip
    if low:
        sys.exit("\n".join(low))


if __name__ == "__main__":
    main()
