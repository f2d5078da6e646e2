#!/usr/bin/env python3
"""Writes tests/data: tiny random checkpoints in diffusers layout and what the reference makes of them.

    models/<name>/                 checkpoints; schedulers/<name>/ other schedulers for them; tokenizers/<style>/
    ref/<name>/<run>.safetensors   tensors of one pipeline call, named as recording.py says; metadata key "run" and
    ref/<name>/<run>.json          the arguments of the call
    tables.safetensors             scheduler tables, solver trajectories, random numbers
    tokenizer_cases.json           texts and their ids

Every byte depends on the pinned versions (requirements.txt) and the machine's vector units alone.
"""

import argparse
import inspect
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKLWan, DiffusionPipeline, WanImageToVideoPipeline, WanPipeline
from PIL import Image
from safetensors.torch import save_file
from transformers import T5TokenizerFast

import components
import tables
import tiny_tokenizers
from recording import Recorder

SEED = 42
DATA = Path(__file__).resolve().parents[2] / "tests" / "data"

# What a run keeps of all that is recorded. The networks are proven layer by layer once per architecture; the other
# runs prove loops, schedulers and types.
LOOP = ("dit.*.in.*", "dit.*.out", "step.*", "scheduler.*", "text.?.input_ids", "text.?.attention_mask",
        "vae.decode.0.in", "frames_u8_round")  # fmt: skip
VAE_INPUT = ("vae.encode.*", "input.*")
VAE = VAE_INPUT + ("vae.decode.0.in", "vae.decode.0.out", "frames_u8_round")
VAE_LAYERS = ("vae.decode.0.out", "vae.decode.0.chunk0.*", "vae.decode.0.chunk[12].up_block[01]")
LAYERS = LOOP + VAE_LAYERS + ("text.*", "transformer.call0.*")


@dataclass
class Run:
    """One call of a pipeline: its arguments and the names to keep."""

    model: str
    name: str
    keep: Iterable[str] = LOOP
    height: int = 48
    width: int = 32
    num_frames: int = 9
    num_inference_steps: int = 4
    guidance_scale: float = 5.0
    max_sequence_length: int = 64
    extra: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        sizes = {key: getattr(self, key) for key in ("height", "width", "num_frames", "num_inference_steps")}
        texts = dict(prompt=tiny_tokenizers.PROMPT, negative_prompt=tiny_tokenizers.NEGATIVE_PROMPT)
        guidance = dict(guidance_scale=self.guidance_scale, max_sequence_length=self.max_sequence_length)
        return texts | sizes | guidance | self.extra


def test_image(width: int, height: int) -> Image.Image:
    """Ramps of different slopes in the three colours and a bright rectangle."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 5 % 256, y * 7 % 256, x * y // 3 % 256], axis=-1).astype(np.uint8)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (220, 40, 60)
    return Image.fromarray(pixels)


def describe(run: Run, pipeline: DiffusionPipeline, calls: list[str]) -> dict[str, Any]:
    arguments = {key: "<image>" if isinstance(value, Image.Image) else value for key, value in run.arguments().items()}
    versions = {module.__name__: module.__version__ for module in (torch, diffusers, transformers)}
    return dict(
        pipeline=type(pipeline).__name__, model=run.model, run=run.name, seed=SEED, args=arguments, dit_calls=calls,
        **versions,
    )  # fmt: skip


def record(run: Run, pipeline: DiffusionPipeline, out: Path) -> None:
    """Calls the pipeline and writes what `run` keeps."""
    pipeline.set_progress_bar_config(disable=True)
    arguments = run.arguments()
    with Recorder(pipeline) as recorder:
        frames = pipeline(generator=torch.Generator("cpu").manual_seed(SEED), output_type="pt", **arguments).frames[0]
    if "image" in arguments:
        recorder.put("input.image", torch.from_numpy(np.array(arguments["image"])))
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
    (folder / f"{run.name}.json").write_text(json.dumps(description, indent=1) + "\n")
    print(f"{run.model}/{run.name}: {len(kept)} tensors, {path.stat().st_size / 1e3:.0f} kB, {clipped:.1%} clipped")


def load(kind: type[DiffusionPipeline], folder: Path, dtype: torch.dtype = torch.float32) -> DiffusionPipeline:
    """All in `dtype`, the VAE in fp32 always: the way that the Wan pages document."""
    vae = AutoencoderKLWan.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    return kind.from_pretrained(folder, vae=vae, torch_dtype=dtype, local_files_only=True)


def tokenizer_folder(out: Path, style: str) -> Path:
    return out / "tokenizers" / style


def save_model(out: Path, name: str, max_shard_size: str | None = None, **parts: Any) -> Path:
    folder = out / "models" / name
    source = tokenizer_folder(out, "umt5")
    pipeline = WanPipeline(tokenizer=T5TokenizerFast.from_pretrained(source), **parts)
    components.save_pipeline(pipeline, folder, source, max_shard_size)
    return folder


def wan21_t2v(out: Path) -> None:
    """Wan 2.1: stored in fp32, transformer and text encoder in shards; every scheduler, size and type at work."""
    folder = save_model(
        out, "wan21_t2v", max_shard_size="120KB", text_encoder=components.umt5(seed=1),
        vae=components.vae21(seed=2, base_dim=3), transformer=components.transformer(seed=10, channels=16, layers=3),
        scheduler=tables.unipc(3.0),
    )  # fmt: skip
    model = "wan21_t2v"
    pipeline = load(WanPipeline, folder)
    record(Run(model, "fp32_unipc4", LAYERS), pipeline, out)
    long_text = Run(model, "fp32_unipc3_nocfg", LOOP + ("text.0.last_hidden_state",), num_frames=13,
                    num_inference_steps=3, guidance_scale=1.0, max_sequence_length=512)  # fmt: skip
    record(long_text, pipeline, out)
    one_frame = Run(model, "fp32_1frame", LOOP + VAE, num_frames=1, num_inference_steps=2, guidance_scale=4.0)
    record(one_frame, pipeline, out)

    euler, third_order = tables.euler(7.0), tables.unipc(5.0, solver_order=3)
    euler.save_pretrained(out / "schedulers" / "euler7")
    third_order.save_pretrained(out / "schedulers" / "unipc5_order3")
    pipeline.scheduler = euler
    record(Run(model, "fp32_euler4"), pipeline, out)
    pipeline.scheduler = third_order
    record(Run(model, "fp32_unipc6_order3", num_inference_steps=6), pipeline, out)

    pipeline = load(WanPipeline, folder)
    pipeline.vae.enable_tiling(32, 32, 24, 24)
    record(Run(model, "fp32_tiled", VAE, 64, 48, num_frames=5, num_inference_steps=2), pipeline, out)

    pipeline = load(WanPipeline, folder, torch.bfloat16)
    record(Run(model, "bf16_unipc4", LOOP + ("text.?.last_hidden_state",)), pipeline, out)
    pipeline.scheduler = euler
    record(Run(model, "bf16_euler4"), pipeline, out)


def wan22_a14b_t2v(out: Path) -> None:
    """Wan 2.2 A14B: two experts that hand over at a noise level, each with a guidance scale; stored in bf16."""
    bfloat16 = torch.bfloat16
    folder = save_model(
        out, "wan22_a14b_t2v", text_encoder=components.umt5(seed=1, dtype=bfloat16),
        vae=components.vae21(seed=15, base_dim=2, dtype=bfloat16), scheduler=tables.unipc(3.0), boundary_ratio=0.875,
        transformer=components.transformer(seed=16, channels=16, layers=2, dtype=bfloat16),
        transformer_2=components.transformer(seed=17, channels=16, layers=2, dtype=bfloat16),
    )  # fmt: skip
    for name, dtype in (("fp32_unipc4", torch.float32), ("bf16_unipc4", bfloat16)):
        run = Run("wan22_a14b_t2v", name, guidance_scale=4.0, extra=dict(guidance_scale_2=3.0))
        record(run, load(WanPipeline, folder, dtype), out)


def wan22_ti2v(out: Path) -> None:
    """Wan 2.2 TI2V: the residual 16 x VAE and a timestep for each token; stored in fp16."""
    float16 = torch.float16
    folder = save_model(
        out, "wan22_ti2v", text_encoder=components.umt5(seed=1, dtype=float16), vae=components.vae22(3, dtype=float16),
        transformer=components.transformer(seed=20, channels=48, layers=2, dtype=float16),
        scheduler=tables.unipc(5.0), expand_timesteps=True,
    )  # fmt: skip
    model = "wan22_ti2v"
    record(Run(model, "fp32_t2v_unipc4", LAYERS, 64, 32), load(WanPipeline, folder), out)
    bfloat16_run = Run(model, "bf16_t2v_unipc3", LOOP, 64, 32, num_inference_steps=3)
    record(bfloat16_run, load(WanPipeline, folder, torch.bfloat16), out)

    pipeline = load(WanImageToVideoPipeline, folder)  # the same folder, the other class
    given = dict(image=test_image(100, 140))
    record(Run(model, "fp32_i2v_unipc4", LOOP + VAE_INPUT, 96, 64, num_frames=5, extra=given), pipeline, out)
    pipeline.vae.enable_tiling(48, 32, 32, 16)
    tiled = Run(model, "fp32_i2v_tiled", VAE, 96, 64, num_frames=5, num_inference_steps=2, extra=given)
    record(tiled, pipeline, out)


def t5_encoder(out: Path) -> None:
    """A text encoder alone, of the T5 v1.1 kind that shares one position bias, with its kind of tokenizer."""
    folder = out / "models" / "t5_encoder"
    encoder = components.t5(seed=1, dtype=torch.bfloat16)
    encoder.save_pretrained(folder / "text_encoder")
    tokenizer_source = tokenizer_folder(out, "t5")
    components.replace_tokenizer(folder / "tokenizer", tokenizer_source)
    tokenizer = T5TokenizerFast.from_pretrained(tokenizer_source)
    tokens = tokenizer([tiny_tokenizers.PROMPT], padding="max_length", max_length=64, return_tensors="pt")
    output = encoder.float()(tokens.input_ids, tokens.attention_mask, output_hidden_states=True)
    tensors = {"text.0.input_ids": tokens.input_ids, "text.0.attention_mask": tokens.attention_mask,
               "text.0.last_hidden_state": output.last_hidden_state}  # fmt: skip
    # The last entry of hidden_states is already normalised, so the last block is not among them.
    for index, state in enumerate(output.hidden_states[1:-1]):
        tensors[f"text.0.block{index}"] = state
    (out / "ref" / "t5_encoder").mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "ref" / "t5_encoder" / "fp32_prompt.safetensors")


def shared_tables(out: Path) -> None:
    save_file(tables.all_tables(), out / "tables.safetensors")
    folders = {style: tokenizer_folder(out, style) for style in tiny_tokenizers.STYLES}
    tiny_tokenizers.write_cases(out / "tokenizer_cases.json", folders)


PARTS = dict(
    tables=shared_tables, wan21_t2v=wan21_t2v, wan22_a14b_t2v=wan22_a14b_t2v, wan22_ti2v=wan22_ti2v,
    t5_encoder=t5_encoder,
)  # fmt: skip


def be_quiet_and_deterministic() -> None:
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # sums over threads depend on how many there are
    torch.set_grad_enabled(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(main)),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="write these parts only")
    options = parser.parse_args()
    out = options.out.resolve()
    be_quiet_and_deterministic()
    out.mkdir(parents=True, exist_ok=True)
    for style in tiny_tokenizers.STYLES:
        tiny_tokenizers.train(tokenizer_folder(out, style), style)
    for name in options.only:
        for stale in (out / "models" / name, out / "ref" / name):
            shutil.rmtree(stale, ignore_errors=True)
        PARTS[name](out)
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{out}: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
