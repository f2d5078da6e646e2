"""Reads any video through ffmpeg, and writes videos and pictures without loss."""

import json
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_video(path: Path) -> tuple[NDArray[np.uint8], float]:
    """[T, H, W, 3] and frames per second."""
    probe = [
        "ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "json",
        "-show_entries", "stream=width,height,r_frame_rate", str(path),
    ]  # fmt: skip
    stream = json.loads(subprocess.run(probe, check=True, capture_output=True).stdout)["streams"][0]
    decode = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(decode, check=True, capture_output=True).stdout
    numerator, denominator = stream["r_frame_rate"].split("/")
    frames = np.frombuffer(data, np.uint8).reshape(-1, stream["height"], stream["width"], 3)
    return frames, int(numerator) / int(denominator)


def write_video(path: Path, frames: NDArray[np.uint8], fps: float) -> None:
    """frames: [T, H, W, 3]."""
    encode(path, frames, ["-r", f"{fps:g}"], ["-c:v", "ffv1", "-pix_fmt", "bgr0"])


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """pixels: [H, W, 3]."""
    encode(path, pixels[None], [], ["-frames:v", "1", "-update", "1"])


def encode(path: Path, frames: NDArray[np.uint8], before: list[str], after: list[str]) -> None:
    """`before`, `after`: options of the input and of the output."""
    height, width = frames.shape[1:3]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", *before, "-i", "-"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *raw, *after, str(path)], check=True, input=frames.tobytes())
