#!/usr/bin/env python3
"""Makes the whole checkpoint from nothing: clips, tokenizer, VAE, latents, text encoder, denoiser, folder.

Killed, it goes on where it was; done, it says how long it took on what. Options that it does not know go to all
trainings (--bfloat16, --compile and so on are theirs).
"""

import argparse
import fcntl
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import torch

from networks import PRESETS
from workspace import Workspace, argument_parser

HERE = Path(__file__).parent


class Stages:
    """Runs stages that are not done yet; what is done is written down with its seconds."""

    def __init__(self, workspace: Workspace, common: list[str], lock: TextIO) -> None:
        self._common, self._lock, self._path = common, lock, workspace.folder / "times.json"
        self.seconds: dict[str, float] = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._running: dict[str, tuple[subprocess.Popen, float]] = {}

    def start(self, name: str, *arguments: str) -> None:
        if name not in self.seconds:
            print(f"== {name}", flush=True)
            command = [sys.executable, str(HERE / f"{name}.py"), *self._common, *arguments]
            # A stage holds the lock, too: one that outlives this process keeps others out.
            process = subprocess.Popen(command, pass_fds=[self._lock.fileno()])
            self._running[name] = process, time.monotonic()

    def is_running(self, name: str) -> bool:
        return name in self._running and self._running[name][0].poll() is None

    def finish(self, name: str) -> None:
        if name in self._running:
            process, began = self._running[name]
            if process.wait() != 0:
                raise SystemExit(f"{name} failed with {process.returncode}")
            self.seconds[name] = time.monotonic() - began
            partial = self._path.with_suffix(".part")
            partial.write_text(json.dumps(self.seconds, indent=1) + "\n")
            partial.replace(self._path)

    def run(self, name: str, *arguments: str) -> None:
        self.start(name, *arguments)
        self.finish(name)

    def stop(self) -> None:
        """Whatever runs."""
        for process, _ in self._running.values():
            process.terminate()


def parse_options() -> tuple[argparse.Namespace, list[str]]:
    parser = argument_parser(__doc__)
    parser.add_argument("out", type=Path, help="checkpoint folder to write; what is there is replaced")
    parser.add_argument("--vae-seconds", type=float, help="train the VAE for so long, not for the preset's steps")
    parser.add_argument("--denoiser-seconds", type=float, help="the same of the denoiser")
    return parser.parse_known_args()


def lock(folder: Path) -> TextIO:
    """Held as long as this process and its stages live: two runs would spoil each other's files."""
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"{folder}: another run is at work there; wait for it, or use another --work") from None
    return file


def run_stages(stages: Stages, workspace: Workspace, options: argparse.Namespace, further: list[str]) -> None:
    """Rendering takes the CPU and training a GPU: the VAE begins as soon as there are clips enough for it."""

    def training(seconds: float | None) -> list[str]:
        return further + ([f"--seconds={seconds}"] if seconds else [])

    stages.start("make_clips")
    stages.run("make_tokenizer")
    while stages.is_running("make_clips") and workspace.clips.count() < PRESETS[options.preset].schedule.vae_clips:
        time.sleep(1)
    stages.run("train_vae", *training(options.vae_seconds))
    stages.finish("make_clips")
    stages.run("encode_clips")
    stages.run("train_text_encoder", *further)
    stages.run("train_denoiser", *training(options.denoiser_seconds))


def trained_seconds(path: Path) -> float:
    """Of all runs that a training took."""
    return torch.load(path, weights_only=True, map_location="cpu", mmap=True)["seconds"]


def main() -> None:
    options, further = parse_options()
    options.work.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(options.work)
    common = [f"--{name}={getattr(options, name)}" for name in ("work", "preset", "threads", "device")]
    stages = Stages(workspace, common, lock(options.work))
    try:
        run_stages(stages, workspace, options, further)
    finally:
        stages.stop()
    subprocess.run([sys.executable, str(HERE / "export.py"), *common, str(options.out)], check=True)
    states = dict(
        train_vae=workspace.vae, train_text_encoder=workspace.text_encoder, train_denoiser=workspace.denoiser
    )
    trained = {name: trained_seconds(state) for name, state in states.items()}
    for name, seconds in (stages.seconds | trained).items():
        print(f"{name}: {seconds:.0f} s")


if __name__ == "__main__":
    main()
