"""Calls of diffusers' pipelines, and what is kept of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKLWan, DiffusionPipeline
from PIL import Image
from safetensors.torch import save_file

import tiny_tokenizers
from recording import Recorder

SEED = 42

# What a run keeps of all that is recorded. The networks are proven layer by layer once per architecture; the other
# runs prove loops, schedulers and types.
LOOP = ("dit.*.in.*", "dit.*.out", "step.*", "scheduler.*", "text.?.input_ids", "text.?.attention_mask",
        "vae.decode.0.in", "frames_u8_round")  # fmt: skip
VAE_INPUT = ("vae.encode.*", "input.*")
VAE = VAE_INPUT + ("vae.decode.0.in", "vae.decode.0.out", "frames_u8_round")
VAE_LAYERS = ("vae.decode.0.out", "vae.decode.0.chunk0.*", "vae.decode.0.chunk[12].up_block[01]")
LAYERS = LOOP + VAE_LAYERS + ("text.*", "transformer.call0.*")
WHOLE = ("input.*", "final_latents", "frames_u8_round")

GIVEN = ("image", "last_image", "video", "mask", "reference_images")


@dataclass
class Run:
    """One call of a pipeline: its arguments and the names to keep."""

    model: str
    name: str
    keep: Iterable[str] = LOOP
    height: int = 48
    width: int = 32
    num_frames: int | None = 9  # None for a pipeline that counts its video's
    num_inference_steps: int = 4
    guidance_scale: float = 5.0
    max_sequence_length: int = 64
    extra: dict[str, Any] = field(default_factory=dict)
    global_seed: int | None = None  # of torch's own generator, for what does not draw from the pipeline's

    def arguments(self) -> dict[str, Any]:
        sizes = {key: getattr(self, key) for key in ("height", "width", "num_frames", "num_inference_steps")}
        sizes = {key: value for key, value in sizes.items() if value is not None}
        texts = dict(prompt=tiny_tokenizers.PROMPT, negative_prompt=tiny_tokenizers.NEGATIVE_PROMPT)
        guidance = dict(guidance_scale=self.guidance_scale, max_sequence_length=self.max_sequence_length)
        return texts | sizes | guidance | self.extra


def test_image(width: int, height: int, shift: int = 0) -> Image.Image:
    """Ramps of different slopes in the three colours and a bright rectangle."""
    y, x = np.mgrid[0:height, 0:width]
    x = x + shift
    pixels = np.stack([x * 5 % 256, y * 7 % 256, x * y // 3 % 256], axis=-1).astype(np.uint8)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (220, 40, 60)
    return Image.fromarray(pixels)


def describe(run: Run, pipeline: DiffusionPipeline, calls: list[str]) -> dict[str, Any]:
    arguments = {key: f"<{key}>" if key in GIVEN else value for key, value in run.arguments().items()}
    versions = {module.__name__: module.__version__ for module in (torch, diffusers, transformers)}
    seeds = dict(seed=SEED) | (dict(global_seed=run.global_seed) if run.global_seed else {})
    return dict(
        pipeline=type(pipeline).__name__, model=run.model, run=run.name, **seeds, args=arguments, dit_calls=calls,
        **versions,
    )  # fmt: skip


def put_given(recorder: Recorder, arguments: dict[str, Any]) -> None:
    """input.image [H, W, 3], input.video [T, H, W, 3], input.mask [T, H, W], input.reference_images.N [H, W, 3]."""
    for name in GIVEN:
        given = arguments.get(name, [])
        if isinstance(given, Image.Image):
            recorder.put(f"input.{name}", torch.from_numpy(np.array(given)))
        elif name == "reference_images":
            for index, image in enumerate(given):
                recorder.put(f"input.{name}.{index}", torch.from_numpy(np.array(image)))
        elif given:
            recorder.put(f"input.{name}", torch.from_numpy(np.stack([np.array(image) for image in given])))


def put_final_latents(recorder: Recorder, vae: AutoencoderKLWan) -> None:
    """What sampling ended with, normalised as the denoiser has it."""
    mean, deviation = vae.config.latents_mean, vae.config.latents_std
    mean, deviation = (torch.tensor(values).view(1, -1, 1, 1, 1) for values in (mean, deviation))
    recorder.put("final_latents", (recorder.tensors["vae.decode.0.in"].float() - mean) / deviation)


def record(run: Run, pipeline: DiffusionPipeline, out: Path) -> None:
    """Calls the pipeline and writes what `run` keeps."""
    pipeline.set_progress_bar_config(disable=True)
    arguments = run.arguments()
    if run.global_seed is not None:
        torch.manual_seed(run.global_seed)
    with Recorder(pipeline) as recorder:
        frames = pipeline(generator=torch.Generator("cpu").manual_seed(SEED), output_type="pt", **arguments).frames[0]
    put_given(recorder, arguments)
    put_final_latents(recorder, pipeline.vae)
    pixels = frames.permute(0, 2, 3, 1).float().numpy()  # [T, H, W, 3], 0 to 1
    recorder.put("frames_u8_round", torch.from_numpy((pixels * 255).round().astype(np.uint8)))
    clipped = float(((pixels <= 0) | (pixels >= 1)).mean())
    assert np.isfinite(pixels).all() and clipped < 0.3, f"{run.model}/{run.name}: {clipped:.0%} of the pixels clip"

    kept = {
        name: tensor
        for name, tensor in sorted(recorder.tensors.items())
        if any(fnmatchcase(name, pattern) for pattern in run.keep)
    }
    folder = out / "ref" / run.model
    folder.mkdir(parents=True, exist_ok=True)
    description = describe(run, pipeline, recorder.transformer_calls)
    path = folder / f"{run.name}.safetensors"
    save_file(kept, path, metadata={"run": json.dumps(description)})
    path.chmod(0o644)
    (folder / f"{run.name}.json").write_text(json.dumps(description, indent=1) + "\n")
    print(f"{run.model}/{run.name}: {len(kept)} tensors, {path.stat().st_size / 1e3:.0f} kB, {clipped:.1%} clipped")


def load(kind: type[DiffusionPipeline], folder: Path, dtype: torch.dtype = torch.float32) -> DiffusionPipeline:
    """All in `dtype`, the VAE in fp32 always: the way that the Wan pages document."""
    vae = AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    return kind.from_pretrained(folder, vae=vae, torch_dtype=dtype, local_files_only=True)
