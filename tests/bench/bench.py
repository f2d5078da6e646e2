#!/usr/bin/env python3
"""Measures sora-gen against diffusers: the same weights, threads and requests, in alternation on one machine.

Every measurement is a process that renders one video. Diffusers gets the dtype that is faster for it here. Before the
rounds, each program renders once to warm the page cache, and the two videos are compared.
"""

import argparse
import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 1


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    model: Path
    prompt: str
    size: int
    num_frames: int
    steps: int
    guidance_scale: float

    def arguments(self, threads: int) -> list[str]:
        """The flags that both programs share."""
        return [
            f"--model={self.model}", f"--prompt={self.prompt}", f"--size={self.size}x{self.size}",
            f"--num-frames={self.num_frames}", f"--steps={self.steps}", f"--guidance-scale={self.guidance_scale}",
            f"--seed={SEED}", f"--threads={threads}",
        ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- measuring


def run(command: list[str], threads: int) -> dict[str, float]:
    """Seconds by stage and peak memory of one process; the wall clock and the memory are taken from outside."""
    environment = os.environ | dict(OMP_NUM_THREADS=str(threads), HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            sys.stderr.write(errors.read().decode(errors="replace"))
            raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
        result = json.loads(output.read().splitlines()[-1])
    return measures(result["seconds"], wall, usage.ru_maxrss * 1024)


def measures(seconds: dict[str, float], wall: float, peak_bytes: int) -> dict[str, float]:
    load = seconds["load_text_encoder"] + seconds["load_model"]
    work = load + seconds["encode_prompt"] + seconds["sample"] + seconds["decode"]
    return {
        "start": wall - work, "load": load, "text encoding": seconds["encode_prompt"], "sampling": seconds["sample"],
        "VAE decode": seconds["decode"], "whole run": wall, "peak memory": peak_bytes / 1e9,
    }  # fmt: skip


class SoraGen:
    def __init__(self, binary: Path, dtype: str, threads: int) -> None:
        self._binary, self._dtype, self._threads = binary, dtype, threads

    def measure(self, case: Case, output: str = "md5:") -> dict[str, float]:
        # The negative prompt is given, as the default of a published checkpoint would be another than diffusers' "".
        flags = [
            "--negative-prompt=",
            f"--dtype={self._dtype}",
            "--device=cpu",
            "--json",
            "--quiet",
            f"--output={output}",
        ]
        return run([str(self._binary), *case.arguments(self._threads), *flags], self._threads)

    def frames(self, case: Case, folder: Path) -> np.ndarray:
        folder.mkdir()
        self.measure(case, f"{folder}/%05d.png")
        return np.stack([np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))])


class Diffusers:
    def __init__(self, dtype: str, threads: int) -> None:
        self.dtype, self._threads = dtype, threads

    def measure(self, case: Case, frames: Path | None = None) -> dict[str, float]:
        flags = [f"--dtype={self.dtype}"] + ([f"--frames={frames}"] if frames else [])
        driver = [sys.executable, str(HERE / "diffusers_driver.py")]
        return run([*driver, *case.arguments(self._threads), *flags], self._threads)

    def frames(self, case: Case, path: Path) -> np.ndarray:
        self.measure(case, path)
        return np.load(path)


def faster_dtype(case: Case, wanted: str, threads: int) -> str:
    """The dtype in which diffusers computes faster, on two steps; load and VAE are the same in both."""
    if wanted != "best":
        return wanted
    short = dataclasses.replace(case, steps=2)
    seconds = {}
    for dtype in ("fp32", "bf16"):
        measured = Diffusers(dtype, threads).measure(short)
        seconds[dtype] = measured["sampling"] + measured["text encoding"]
    return min(seconds, key=lambda dtype: seconds[dtype])


def agreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB."""
    if ours.shape != theirs.shape:
        raise SystemExit(f"the videos differ in shape: {ours.shape} and {theirs.shape}")
    error = np.square(ours.astype(np.float64) - theirs).mean()
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def compare(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    dtype = faster_dtype(case, options.diffusers_dtype, options.threads)
    ours, theirs = SoraGen(options.sora_gen, options.dtype, options.threads), Diffusers(dtype, options.threads)
    with tempfile.TemporaryDirectory() as folder:
        sora_frames = ours.frames(case, Path(folder) / "sora-gen")
        psnr = agreement(sora_frames, theirs.frames(case, Path(folder) / "diffusers.npy"))
    rounds: dict[str, list[dict[str, float]]] = {"sora-gen": [], "diffusers": []}
    for number in range(options.rounds):
        pair: list[tuple[str, SoraGen | Diffusers]] = [("sora-gen", ours), ("diffusers", theirs)]
        # Who comes first changes: what the first leaves behind in the machine is no advantage of one of the two.
        for name, program in pair if number % 2 == 0 else reversed(pair):
            rounds[name].append(program.measure(case))
    return dict(case=case.name, diffusers_dtype=dtype, psnr_db=psnr, steps=case.steps, rounds=rounds)


# ---------------------------------------------------------------------------------------------------------- reporting


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def print_table(result: dict[str, Any]) -> None:
    ours, theirs = medians(result["rounds"]["sora-gen"]), medians(result["rounds"]["diffusers"])
    ours["one step"], theirs["one step"] = (side["sampling"] / result["steps"] for side in (ours, theirs))
    print(f"\n{result['case']}: diffusers in {result['diffusers_dtype']}, videos agree to {result['psnr_db']:.1f} dB")
    print(f"  {'':14} {'sora-gen':>12} {'diffusers':>12} {'ratio':>8}")
    for name in ("start", "load", "text encoding", "one step", "VAE decode", "whole run", "peak memory"):
        unit = "GB" if name == "peak memory" else "s"
        ratio = theirs[name] / ours[name] if ours[name] > 0 else math.inf
        print(f"  {name:14} {ours[name]:10.3f} {unit:2} {theirs[name]:9.3f} {unit:2} {ratio:7.2f}x")


def random_wan(options: argparse.Namespace) -> Path:
    """The checkpoint with the widths of Wan 2.1 1.3B; written once a depth."""
    folder = options.work / f"wan2.1-random-{options.layers}-layers"
    if not (folder / "model_index.json").exists():
        print(f"writing {folder}", file=sys.stderr)
        maker = [sys.executable, str(HERE / "make_large.py"), str(folder), "--text=small", f"--layers={options.layers}"]
        # In a process of its own: a child's peak memory starts from its parent's, so this one must stay small.
        subprocess.run(maker, check=True)
    return folder


def make_cases(options: argparse.Namespace) -> list[Case]:
    cases = []
    if "tiny-world" in options.cases:
        prompt = "a red ball bounces over a green meadow"
        cases.append(Case("tiny-world 128x128x33", ROOT / "models" / "tiny-world", prompt, 128, 33, 16, 4.0))
    for size in (128, 256):
        if f"wan2.1-{size}" in options.cases:
            name = f"Wan 2.1 1.3B widths, {options.layers} of 30 layers, {size}x{size}x{options.num_frames}"
            cases.append(Case(name, random_wan(options), "a red ball", size, options.num_frames, options.steps, 5.0))
    return cases


def main() -> None:
    names = ["tiny-world", "wan2.1-128", "wan2.1-256"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sora_gen", type=Path, help="the sora-gen program")
    parser.add_argument("--cases", nargs="+", choices=names, default=names, help="(all)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each program (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each program (all)")
    parser.add_argument("--dtype", choices=["auto", "fp32", "bf16"], default="auto", help="of sora-gen (%(default)s)")
    parser.add_argument("--diffusers-dtype", choices=["best", "fp32", "bf16"], default="best", help="(%(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="of the random transformer, at most 30 (%(default)s)")
    parser.add_argument("--num-frames", type=int, default=9, help="of the random checkpoint's videos (%(default)s)")
    parser.add_argument("--steps", type=int, default=4, help="with the random checkpoint (%(default)s)")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="for weights (%(default)s)")
    parser.add_argument("--json", type=Path, help="write all measurements here")
    options = parser.parse_args()
    results = []
    for case in make_cases(options):
        results.append(compare(case, options))
        print_table(results[-1])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
