#!/usr/bin/env python3
"""Measures the invisible watermark: marks clips, attacks them with ffmpeg, looks for the mark, and prints the table.

  python3 tests/bench/watermark.py build/release/bin/watermark_tool                     the table of the README, five minutes
  python3 tests/bench/watermark.py ... --sizes 256x256 --attacks crf33,mirror --contents cartoon
  python3 tests/bench/watermark.py ... --trials 40                                      unmarked clips against 40 keys each
  python3 tests/bench/watermark.py ... --clips a.mp4 b.mp4                              videos of one's own in place of drawn ones

Needs ffmpeg with libx264 and libx265, and Python with numpy, scipy and scikit-image (requirements.txt).
"""

import argparse
import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

KEY, ID, FPS, SECONDS = "a key of the bench", "5eed0fc0ffee", 24, 5


# --- content: luma [n, H, W] as 8 bit, drawn anew ---


def cloudy(rng, height, width, lowest, slope):
    """Noise with the spectrum of a natural texture, mean 0 and deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = 1
    spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency**slope
    spectrum[frequency * max(height, width) < lowest] = 0
    texture = np.fft.irfft2(spectrum, (height, width))
    return texture / texture.std()


def textured(width, height, frames, moving=True):
    """A texture that pans behind a textured disc on a path of its own."""
    from scipy import ndimage
    rng = np.random.default_rng(3)
    background = 120 + 38 * cloudy(rng, 2 * height, 2 * width, 3, 1.1)
    surface = 128 + 45 * cloudy(rng, height, width, 4, 0.8)
    y, x = np.mgrid[:height, :width]
    for frame in range(frames):
        step = frame if moving else 0
        at = [y + 0.35 * step + height / 4, x + 0.6 * step + width / 3]
        picture = ndimage.map_coordinates(background, at, order=1, mode="wrap")
        centre_x = width * (0.35 + 0.25 * math.sin(step / 17))
        centre_y, radius = height * (0.5 + 0.2 * math.cos(step / 23)), height * 0.23
        disc = ndimage.map_coordinates(surface, [y - centre_y + radius, x - centre_x + radius], order=1, mode="wrap")
        yield np.where((x - centre_x) ** 2 + (y - centre_y) ** 2 < radius**2, disc, picture)


def still(width, height, frames):
    return textured(width, height, frames, moving=False)


def cartoon(width, height, frames):
    """Outlined discs that drift over flat ground and a sky of one gradient."""
    from scipy import ndimage
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width].astype(float)
    discs = [(rng.uniform(0, width), rng.uniform(0.2, 0.9) * height, rng.uniform(0.07, 0.2) * height, rng.uniform(30, 230),
              rng.uniform(-2, 2), rng.uniform(-1, 1)) for _ in range(7)]
    for frame in range(frames):
        picture = 200 - 60 * y / height
        picture[y > 0.7 * height] = 90
        for left, top, radius, grey, right, down in discs:
            distance = np.hypot(x - (left + right * frame) % width, y - (top + down * frame) % height)
            picture = np.where(distance < radius, grey, np.where(distance < radius + 3, 15, picture))
        yield ndimage.gaussian_filter(picture, 0.7)


def photo(width, height, frames):
    """A pan with a slow zoom over a photograph, with a camera's noise."""
    from scipy import ndimage
    from skimage import color, data, transform
    image = color.rgb2gray(data.rocket()) * 255
    larger = 1.5 * max(height / image.shape[0], width / image.shape[1])
    size = [int(edge * larger) for edge in image.shape]
    image = transform.resize(image, size, anti_aliasing=True, preserve_range=True)
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:height, :width].astype(float)
    for frame in range(frames):
        done = frame / frames
        zoom = 1 + 0.15 * done
        at = [(y - height / 2) / zoom + size[0] / 2 + 0.1 * height * (done - 0.5),
              (x - width / 2) / zoom + size[1] / 2 + 0.2 * width * (done - 0.5)]
        yield ndimage.map_coordinates(image, at, order=1, mode="reflect") + rng.normal(0, 1, (height, width))


CONTENTS = {"textured": textured, "cartoon": cartoon, "photo": photo, "still": still}


@dataclass
class Video:
    width: int
    height: int
    fps: float
    rgb: bytes


def draw(name, width, height):
    luma = [np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in CONTENTS[name](width, height, FPS * SECONDS)]
    return Video(width, height, FPS, np.repeat(np.stack(luma)[..., None], 3, axis=3).tobytes())


def decode(path):
    asked = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height,r_frame_rate", "-of", "json"]
    stream = json.loads(subprocess.check_output([*asked, str(path)]))["streams"][0]
    over, under = map(int, stream["r_frame_rate"].split("/"))
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    return Video(stream["width"], stream["height"], over / under, subprocess.check_output(command))


# --- attacks ---


@dataclass
class Attack:
    filters: str = ""
    codec: list = field(default_factory=lambda: x264(23))


def x264(crf):
    return ["-c:v", "libx264", "-preset", "medium", "-crf", str(crf)]


def even(value):
    return int(value) // 2 * 2


def attacks(width, height):
    crop_width, crop_height = even(0.9 * width), even(0.9 * height)
    crop = f"crop={crop_width}:{crop_height}:{int(0.07 * width)}:{int(0.02 * height)}"
    scale = lambda share: f"scale={even(width * share)}:{even(height * share)}:flags=bicubic"
    return {
        "crf23": Attack(),
        "crf28": Attack(codec=x264(28)),
        "crf33": Attack(codec=x264(33)),
        "x265-28": Attack(codec=["-c:v", "libx265", "-crf", "28", "-x265-params", "log-level=none:pools=none"]),
        "half": Attack(scale(0.5)),
        "crop": Attack(crop),
        "trim": Attack("trim=start=2,setpts=PTS-STARTPTS"),
        "last2s": Attack("trim=start=3,setpts=PTS-STARTPTS"),
        "30fps": Attack("fps=30"),
        "12fps": Attack("fps=12"),
        "crop-half-28": Attack(f"{crop},scale={crop_width // 4 * 2}:{crop_height // 4 * 2}", x264(28)),
        "mirror": Attack("hflip"),
        "scale-0.74": Attack(scale(0.7356)),
        "scale-1.5": Attack(scale(1.5)),
        "mirror-crop-0.6": Attack(f"hflip,{crop},{scale(0.6 * 0.9)}"),
    }


USUAL = list(attacks(256, 256))[:11]  # neither mirrored nor scaled by an odd factor


def attacked(video, attack, path):
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{video.width}x{video.height}",
               "-r", str(video.fps), "-i", "-"]
    if attack.filters:
        command += ["-vf", attack.filters]
    subprocess.run([*command, *attack.codec, "-pix_fmt", "yuv420p", "-threads", "1", str(path)], input=video.rgb, check=True)
    return decode(path)


# --- mark and look ---


def mark(tool, video):
    command = [tool, "embed", KEY, ID, str(video.width), str(video.height), str(video.fps)]
    done = subprocess.run(command, input=video.rgb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return Video(video.width, video.height, video.fps, done.stdout), json.loads(done.stderr)["ms_per_frame"]


def look(tool, video, keys=(KEY,), trials=0):
    what = ["trials", str(trials)] if trials else ["detect", ",".join(keys)]
    command = [tool, *what, str(video.width), str(video.height), str(video.fps)]
    lines = subprocess.run(command, input=video.rgb, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    return [json.loads(line) for line in lines]


def psnr(one, other):
    """The lowest of all frames, of luma."""
    weights = np.array([0.299, 0.587, 0.114])
    shape = (-1, one.height, one.width, 3)
    squares = [np.square((a.astype(float) - b) @ weights).mean()
               for a, b in zip(np.frombuffer(one.rgb, np.uint8).reshape(shape), np.frombuffer(other.rgb, np.uint8).reshape(shape))]
    return 10 * math.log10(255**2 / max(squares))


def cell(found):
    if not found["found"]:
        return f"{found['score']:.1f} / no"
    payload = {None: "–", ID: "✓"}.get(found["id"], "WRONG")
    return f"{found['score']:.1f} / 1e{math.ceil(found['log10_chance'])} / {payload}"


def measure(tool, clips, chosen, folder, workers):
    """One row for each attack, one column for each clip; counts over the usual attacks and over all."""
    columns, results = [], {}
    for name, video in clips:
        marked, embed_ms = mark(tool, video)
        unmarked = look(tool, video)[0]
        columns.append(name)
        print(f"# {name}: PSNR {psnr(video, marked):.2f} dB, {embed_ms:.2f} ms a frame; unmarked: {cell(unmarked)}", file=sys.stderr)
        results["unmarked", name] = unmarked

        def one(attack, name=name, marked=marked):
            path = folder / f"{name}-{attack}.mp4".replace("/", "_")
            found = look(tool, attacked(marked, attacks(marked.width, marked.height)[attack], path))[0]
            path.unlink()
            return attack, found

        with ThreadPoolExecutor(workers) as pool:
            for attack, found in pool.map(one, chosen):
                results[attack, name] = found
                print(f"# {name} {attack}: {json.dumps(found)}", file=sys.stderr, flush=True)
    print("| attack | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for row in ["unmarked", *chosen]:
        print(f"| {row} | " + " | ".join(cell(results[row, name]) for name in columns) + " |")
    for title, rows in ((f"the first {len(USUAL)}", [a for a in chosen if a in USUAL]), ("all", chosen)):
        found = [results[row, name] for row in rows for name in columns]
        print(f"{title}: {sum(f['found'] for f in found)} of {len(found)} found, {sum(f['id'] == ID for f in found)} payloads whole, "
              f"{sum(f['id'] not in (None, ID) for f in found)} wrong")


def count_false(tool, clips, keys):
    found, scores = 0, []
    for name, video in clips:
        trials = look(tool, video, trials=keys)
        found += sum(trial["found"] for trial in trials)
        scores += [trial["score"] for trial in trials]
        print(f"# {name}: highest score {max(t['score'] for t in trials):.2f}, least chance 1e{min(t['log10_chance'] for t in trials):.1f}",
              file=sys.stderr, flush=True)
    print(f"{found} of {len(scores)} trials without the mark called marked; highest score {max(scores):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--sizes", default="256x256,832x480")
    parser.add_argument("--contents", default=",".join(CONTENTS))
    parser.add_argument("--attacks", default=",".join(attacks(256, 256)))
    parser.add_argument("--clips", nargs="*", type=Path, help="videos to mark in place of drawn ones")
    parser.add_argument("--trials", type=int, default=0, help="look for so many keys in what has no mark, and nothing else")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("/tmp"), help="for encoded clips")
    args = parser.parse_args()
    start = time.monotonic()
    if args.clips:
        clips = ((path.stem, decode(path)) for path in args.clips)
    else:
        sizes = [tuple(map(int, size.split("x"))) for size in args.sizes.split(",")]
        clips = ((f"{name} {w}×{h}", draw(name, w, h)) for w, h in sizes for name in args.contents.split(","))
    if args.trials:
        count_false(args.tool, clips, args.trials)
    else:
        measure(args.tool, clips, args.attacks.split(","), args.folder, args.workers)
    print(f"# {time.monotonic() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
