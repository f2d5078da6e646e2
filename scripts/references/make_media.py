#!/usr/bin/env python3
"""Writes tests/data/media: small pictures and clips of all kinds that are read, with ffmpeg and Pillow, and
pictures.safetensors: what Pillow makes of the pictures (upright, as RGB).

Frame n of a clip is grey of level 40 + 30n with a red corner (top left), a green one (top right) and a blue one
(bottom left)."""

import subprocess
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

DATA = Path(__file__).resolve().parents[2] / "tests" / "data" / "media"
FRAMES = 6
CORNERS = {"red": (200, 30, 30), "green": (30, 180, 30), "blue": (40, 40, 200)}


def frame(n: int, width: int, height: int) -> np.ndarray:
    pixels = np.full((height, width, 3), 40 + 30 * n, np.uint8)
    h, w = height // 3, width // 3
    pixels[:h, :w], pixels[:h, -w:], pixels[-h:, :w] = CORNERS.values()
    return pixels


def ffmpeg(
    name: str, *options: str, size: tuple[int, int] = (48, 32), rate: str = "24", inputs: tuple[str, ...] = (),
    raw: bytes = b"",
) -> None:  # fmt: skip
    """Writes a clip of the frames above, or of other `inputs`."""
    pixels = b"".join(frame(n, *size).tobytes() for n in range(FRAMES))
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "%dx%d" % size, "-r", rate, "-i", "-")
    scale = ("-sws_flags", "bilinear+accurate_rnd+full_chroma_int+full_chroma_inp")
    exact = ("-fflags", "+bitexact", "-flags:v", "+bitexact")
    start = ("ffmpeg", "-y", "-v", "error", "-bitexact")
    command = (*start, *(inputs or source), *scale, *options, *exact, str(DATA / name))
    subprocess.run(command, input=raw if inputs else pixels, check=True)


def ramps(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 4 % 256], axis=-1).astype(np.uint8)


def pictures() -> None:
    picture = Image.fromarray(ramps(37, 23))
    alpha = picture.copy()
    alpha.putalpha(Image.fromarray(ramps(37, 23)[..., 0]))
    files = {
        "rgb.png": picture, "rgba.png": alpha, "palette.png": picture.quantize(32), "grey.png": picture.convert("L"),
        "grey_alpha.png": picture.convert("LA"), "bits.png": picture.convert("1"), "rgb.bmp": picture,
    }  # fmt: skip
    for name, image in files.items():
        image.save(DATA / name)
    picture.save(DATA / "lossless.webp", lossless=True)
    alpha.save(DATA / "alpha.webp", lossless=True, exact=True)
    picture.save(DATA / "lossy.webp", quality=90)
    picture.save(DATA / "444.jpg", quality=95, subsampling=0)
    picture.save(DATA / "420.jpg", quality=95, subsampling=2)
    picture.save(DATA / "progressive.jpg", quality=95, progressive=True, dpi=(72, 144))
    picture.convert("L").save(DATA / "grey.jpg", quality=95)
    ffmpeg("rgb48.png", "-frames:v", "1", "-pix_fmt", "rgb48be")
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        path = DATA / f"orientation{orientation}.jpg"
        Image.fromarray(frame(2, 24, 16)).save(path, quality=95, subsampling=0, exif=exif)
    paths = [path for path in DATA.iterdir() if path.suffix in (".png", ".jpg", ".webp", ".bmp")]
    upright = {
        path.name: torch.from_numpy(np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB")))
        for path in sorted(paths)
        if path.stem != "animated"
    }
    save_file(upright, DATA / "pictures.safetensors")
    picture.save(DATA / "animated.webp", save_all=True, append_images=[alpha], lossless=True)
    (DATA / "pictures.safetensors").chmod(0o644)


def clips() -> None:
    lossless = ("-c:v", "ffv1", "-pix_fmt", "yuv444p")
    x264 = ("-c:v", "libx264", "-crf", "4", "-x264-params", "bframes=2:b-adapt=0", "-pix_fmt", "yuv420p")
    bt709 = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709", "-color_range", "tv")
    ffmpeg("h264.mp4", *x264, *bt709)
    ffmpeg("h264.mkv", *x264, *bt709)
    ffmpeg("h264_ntsc.mov", *x264, *bt709, rate="24000/1001")
    x265 = ("-c:v", "libx265", "-x265-params", "crf=4:log-level=none:info=0", "-pix_fmt", "yuv420p10le")
    ffmpeg("hevc10.mp4", *x265, *bt709, size=(96, 64))
    ffmpeg("av1.mp4", "-c:v", "libaom-av1", "-crf", "10", "-cpu-used", "8", *bt709)
    ffmpeg("vp9.webm", "-c:v", "libvpx-vp9", "-crf", "5", "-b:v", "0", "-pix_fmt", "yuv420p", *bt709)
    ffmpeg("vp8.webm", "-c:v", "libvpx", "-qmax", "5", "-b:v", "2M", "-auto-alt-ref", "1", "-lag-in-frames", "5")
    ffmpeg("mpeg4.avi", "-c:v", "mpeg4", "-q:v", "1", "-bf", "1")
    ffmpeg("mjpeg.avi", "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p")
    ffmpeg("raw.avi", "-c:v", "rawvideo", "-pix_fmt", "bgr24", size=(12, 9))
    ffmpeg("prores.mov", "-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le")
    ffmpeg("png.mov", "-c:v", "png")
    ffmpeg("animation.gif", rate="20")
    ffmpeg("ffv1.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0")
    odd_size()
    # Pixels of 4:3 and 3:4.
    ffmpeg("wide_pixels.mp4", *x264, "-vf", "setsar=4/3,scale=out_color_matrix=bt709", "-colorspace", "bt709")
    ffmpeg("narrow_pixels.mp4", *x264, "-vf", "setsar=3/4,scale=out_color_matrix=bt709", "-colorspace", "bt709")
    for degrees in (90, 180, 270):
        copy = ("-i", str(DATA / "h264.mp4"))
        ffmpeg(f"rotated{degrees}.mp4", "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", inputs=copy)
    # The same colours by other numbers.
    for matrix in ("bt709", "smpte170m", "bt2020nc"):
        for value_range in ("tv", "pc"):
            tags = ("-colorspace", matrix, "-color_range", value_range)
            scale = f"scale=out_color_matrix={matrix}:out_range={value_range}"
            ffmpeg(f"{matrix}_{value_range}.mkv", "-frames:v", "1", *lossless, "-vf", scale, *tags)
    for name, matrix, lines in (("untagged_small.mkv", "smpte170m", 718), ("untagged_large.mkv", "bt709", 720)):
        scale = f"scale=out_color_matrix={matrix},setparams=colorspace=unknown:range=unknown"
        ffmpeg(name, "-frames:v", "1", *lossless, "-vf", scale, size=(24, lines))
    ffmpeg("pq.mkv", "-frames:v", "1", *lossless, "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
    # Frame n begins at 0, 40, 80, 400, 440 and 1000 ms.
    times = "0*eq(N,0)+40*eq(N,1)+80*eq(N,2)+400*eq(N,3)+440*eq(N,4)+1000*eq(N,5)"
    for name in ("variable.mkv", "variable.mp4"):
        codec = lossless if name.endswith("mkv") else x264
        timing = ("-vf", f"settb=1/1000,setpts='{times}'", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")
        ffmpeg(name, *codec, *timing)
    ffmpeg("slow.mkv", *lossless, rate="1/40000")
    ffmpeg("one_frame.mp4", "-frames:v", "1", *x264)
    ffmpeg("no_frames.avi", "-frames:v", "0", "-c:v", "mpeg4")
    ffmpeg("wmv.avi", "-c:v", "wmv2", "-frames:v", "1")
    sound = ("-f", "lavfi", "-i", "sine=duration=0.2")
    ffmpeg("sound.mp4", "-c:a", "aac", "-b:a", "16k", inputs=sound)
    film = ("-i", str(DATA / "h264.mp4"))
    ffmpeg("film_with_sound.mp4", "-c:v", "copy", "-c:a", "aac", "-b:a", "16k", "-shortest", inputs=(*film, *sound))
    two_sizes()


def odd_size() -> None:
    """4:2:0 by hand: ffmpeg stretches the colours of an odd size."""
    width, height = 33, 19
    matrix = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
    raw = b""
    for n in range(FRAMES):
        yuv = frame(n, width, height) @ matrix.T + (16, 128, 128)
        pairs = np.pad(yuv, ((0, 1), (0, 1), (0, 0)), mode="edge").reshape(height // 2 + 1, 2, width // 2 + 1, 2, 3)
        chroma = pairs.mean(axis=(1, 3))
        planes = (yuv[..., 0], chroma[..., 1], chroma[..., 2])
        raw += b"".join(plane.round().astype(np.uint8).tobytes() for plane in planes)
    source = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "24", "-i", "-")
    ffmpeg("odd.mkv", "-c:v", "ffv1", inputs=source, raw=raw)


def two_sizes() -> None:
    parts = []
    for i, size in enumerate(((48, 32), (64, 32))):
        ffmpeg(f"part{i}.mkv", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", size=size)
        parts.append(DATA / f"part{i}.mkv")
    listing = DATA / "parts.txt"
    listing.write_text("".join(f"file {part}\n" for part in parts))
    ffmpeg("two_sizes.mkv", "-c", "copy", inputs=("-f", "concat", "-safe", "0", "-i", str(listing)))
    for path in (*parts, listing):
        path.unlink()


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    pictures()
    clips()


if __name__ == "__main__":
    main()
