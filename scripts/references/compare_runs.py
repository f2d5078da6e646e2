#!/usr/bin/env python3
"""Renders every recorded fp32 run of a references folder with sora-gen, and prints how close the frames come.

    DIR/models/<model>/                             checkpoints
    DIR/ref/<model>/<run>.{json,safetensors}        arguments of the pipeline's call; input.* and frames_u8_round

The checkpoint that a run gets says the pipeline that was called, because that decides what becomes of given frames.
Needs the ffmpeg program for clips. Exit code 1 if a run is below 50 dB.
"""

import argparse
import inspect
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
SCHEDULERS = ROOT / "tests" / "data" / "schedulers"
CLIP_FPS = 24  # the SkyReels-V2 pipelines' default, which their transformer is told
BAR = 50

# What a run's JSON does not say.
OTHER_SCHEDULERS = {"fp32_euler4": "euler7", "fp32_unipc6_order3": "unipc5_order3"}
TILES = {"WanPipeline": ("32x32", "24x24"), "WanImageToVideoPipeline": ("32x48", "16x32")}  # width x height
SAME_FLAGS = (
    "prompt", "negative_prompt", "num_frames", "guidance_scale", "guidance_scale_2", "max_sequence_length", "strength",
    "ar_step", "causal_block_size",
)  # fmt: skip
RENAMED_FLAGS = {
    "num_inference_steps": "--steps", "base_num_frames": "--window-frames", "overlap_history": "--overlap-frames",
}  # fmt: skip


def why_not(run: dict[str, Any], tensors: dict[str, np.ndarray]) -> str:
    """Why a run's frames cannot be compared; empty if they can."""
    if run["args"].get("addnoise_condition"):
        return "its noise on known frames is drawn from torch's global generator; see tests/parity/render_test.cpp"
    if "frames_u8_round" not in tensors:
        return "its frames were not kept"
    return ""


def checkpoint_of(run: dict[str, Any], source: Path, folder: Path) -> Path:
    """A view of the checkpoint with the run's pipeline and scheduler."""
    folder.mkdir()
    index = json.loads((source / "model_index.json").read_text())
    index["_class_name"] = run["pipeline"]
    for entry in source.iterdir():
        if entry.is_dir():
            (folder / entry.name).symlink_to(entry.resolve())
    if run["run"] in OTHER_SCHEDULERS:
        (folder / "scheduler").unlink()
        (folder / "scheduler").symlink_to(SCHEDULERS / OTHER_SCHEDULERS[run["run"]])
        config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
        index["scheduler"] = ["diffusers", config["_class_name"]]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_clip(frames: np.ndarray, path: Path) -> Path:
    """[T, H, W] or [T, H, W, 3], 8 bit, without loss."""
    rgb = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, axis=-1)
    size = f"{rgb.shape[2]}x{rgb.shape[1]}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(CLIP_FPS), "-i", "-"]
    command = ["ffmpeg", "-v", "error", *raw, "-c:v", "png", "-pix_fmt", "rgb24", str(path)]
    subprocess.run(command, input=np.ascontiguousarray(rgb).tobytes(), check=True)
    return path


def write_picture(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def media_flags(inputs: dict[str, np.ndarray], folder: Path) -> list[str]:
    flags = []
    for name, pixels in sorted(inputs.items()):
        kind = name.split(".")[1]
        if kind == "reference_images":
            flags += ["--reference-image", str(write_picture(pixels, folder / f"{name}.png"))]
        elif kind in ("image", "last_image"):
            flags += ["--" + kind.replace("_", "-"), str(write_picture(pixels, folder / f"{name}.png"))]
        else:
            flags += ["--" + kind, str(write_clip(pixels, folder / f"{name}.mov"))]
    return flags + ["--resize", "stretch"] if flags else []


def argument_flags(run: dict[str, Any]) -> list[str]:
    arguments = run["args"]
    flags = ["--seed", str(run["seed"]), "--size", f"{arguments['width']}x{arguments['height']}"]
    for name in SAME_FLAGS:
        if name in arguments:
            flags += ["--" + name.replace("_", "-"), str(arguments[name])]
    for name, flag in RENAMED_FLAGS.items():
        if name in arguments:
            flags += [flag, str(arguments[name])]
    if "conditioning_scale" in arguments:
        flags += ["--conditioning-scale", ",".join(map(str, arguments["conditioning_scale"]))]
    if "DiffusionForcing" in run["pipeline"]:
        flags += ["--addnoise-condition", "0"]
    if run["run"].endswith("tiled"):
        size, stride = TILES[run["pipeline"]]
        flags += ["--vae-tile-size", size, "--vae-tile-stride", stride]
    return flags


def render(program: Path, run: dict[str, Any], source: Path, inputs: dict[str, np.ndarray]) -> np.ndarray | str:
    """Frames [T, H, W, 3], or what the program said in place of them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = checkpoint_of(run, source, folder / run["model"])
        command = [str(program), "--model", str(model), *argument_flags(run), *media_flags(inputs, folder)]
        command += ["--dtype", "fp32", "--device", "cpu", "--quiet", "-o", str(folder / "frames" / "%05d.png")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            return f"exit {result.returncode}: {result.stderr.strip()}"
        return np.stack([np.array(Image.open(path)) for path in sorted((folder / "frames").glob("*.png"))])


def psnr(ours: np.ndarray, theirs: np.ndarray) -> float:
    error = float(np.mean((ours.astype(np.float64) - theirs) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def compare(program: Path, references: Path, description: Path) -> tuple[bool, str]:
    run = json.loads(description.read_text())
    tensors = load_file(description.with_suffix(".safetensors"))
    reason = why_not(run, tensors)
    if reason:
        return True, "left out: " + reason
    inputs = {name: tensor for name, tensor in tensors.items() if name.startswith("input.")}
    frames = render(program, run, references / "models" / run["model"], inputs)
    expected = tensors["frames_u8_round"]
    if isinstance(frames, str):
        return False, frames
    if frames.shape != expected.shape:
        return False, f"{frames.shape} in place of {expected.shape}"
    decibels = psnr(frames, expected)
    worst = min(psnr(ours, theirs) for ours, theirs in zip(frames, expected, strict=True))
    return decibels >= BAR, f"{decibels:6.1f} dB, worst frame {worst:6.1f} dB"


def main() -> int:
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(main)),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("program", type=Path, help="sora-gen")
    parser.add_argument("references", type=Path, nargs="?", default=ROOT / "tests" / "data")
    parser.add_argument("--only", nargs="+", default=[], help="models or model/run")
    options = parser.parse_args()
    good = True
    for description in sorted(options.references.glob("ref/*/fp32*.json")):
        name = f"{description.parent.name}/{description.stem}"
        if options.only and name not in options.only and description.parent.name not in options.only:
            continue
        passed, text = compare(options.program, options.references, description)
        print(f"{name:36} {text}", flush=True)
        good = good and passed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
