#!/usr/bin/env python3
"""Renders one video with diffusers and prints the same JSON as `sora-gen --json`: what bench.py compares against.

One process renders one video, as with sora-gen. Everything is done the way that the Wan pages of diffusers document:
transformer and text encoder in --dtype, the VAE in fp32, nothing offloaded.
"""

import time

STARTED = time.monotonic()

import argparse
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanPipeline
from transformers import UMT5EncoderModel

IMPORTED = time.monotonic()

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Stopwatch:
    """Sums the seconds spent in calls by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.monotonic()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started

        return timed


def load(options: argparse.Namespace, watch: Stopwatch) -> WanPipeline:
    dtype = DTYPES[options.dtype]
    load_encoder = watch.time("load_text_encoder", UMT5EncoderModel.from_pretrained)
    encoder = load_encoder(options.model, subfolder="text_encoder", dtype=dtype)

    def load_rest() -> WanPipeline:
        vae = AutoencoderKLWan.from_pretrained(options.model, subfolder="vae", torch_dtype=torch.float32)
        return WanPipeline.from_pretrained(options.model, text_encoder=encoder, vae=vae, torch_dtype=dtype)

    return watch.time("load_model", load_rest)()


def render(pipeline: WanPipeline, options: argparse.Namespace, watch: Stopwatch) -> np.ndarray:
    """[T, H, W, 3] uint8. What the call spends outside of text encoder and VAE counts as sampling."""
    pipeline.set_progress_bar_config(disable=True)
    pipeline.encode_prompt = watch.time("encode_prompt", pipeline.encode_prompt)
    pipeline.vae.decode = watch.time("decode", pipeline.vae.decode)
    processor = pipeline.video_processor
    processor.postprocess_video = watch.time("decode", processor.postprocess_video)
    width, height = options.size
    frames = watch.time("call", pipeline)(
        prompt=options.prompt, negative_prompt="", height=height, width=width, num_frames=options.num_frames,
        num_inference_steps=options.steps, guidance_scale=options.guidance_scale, output_type="np",
        generator=torch.Generator("cpu").manual_seed(options.seed),
    ).frames[0]  # fmt: skip
    parts = watch.seconds
    parts["sample"] = parts.pop("call") - parts["encode_prompt"] - parts["decode"]
    return (frames * 255).round().astype(np.uint8)


def parse_size(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--size", type=parse_size, required=True, help="WIDTHxHEIGHT")
    parser.add_argument("--num-frames", type=int, required=True)
    parser.add_argument("--guidance-scale", type=float, required=True)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--frames", type=Path, help="write the frames here, as .npy")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    watch = Stopwatch()
    watch.seconds["import"] = IMPORTED - STARTED
    frames = render(load(options, watch), options, watch)
    watch.seconds["total"] = time.monotonic() - STARTED
    if options.frames:
        np.save(options.frames, frames)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(dict(seconds=watch.seconds, peak_rss_bytes=peak, frames=len(frames))))


if __name__ == "__main__":
    main()
