"""Reads any video through ffmpeg."""

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
