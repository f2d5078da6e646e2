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
import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import diffusers
import torch
import transformers
from diffusers import WanImageToVideoPipeline, WanPipeline, WanVideoToVideoPipeline
from safetensors.torch import save_file
from transformers import T5TokenizerFast

import components
import given_runs
import tables
import tiny_tokenizers
from runs import LAYERS, LOOP, VAE, VAE_INPUT, WHOLE, Run, load, record, test_image

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"

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

    changed = dict(video=[test_image(36, 44, shift=3 * frame) for frame in range(9)], strength=0.7)
    video_to_video = Run(model, "fp32_v2v", WHOLE, num_frames=None, extra=changed)
    record(video_to_video, load(WanVideoToVideoPipeline, folder), out)

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
GIVEN_PARTS = given_runs.PARTS  # of checkpoints that are there already: only their runs are written


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
    parts = PARTS | GIVEN_PARTS
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), help="write these parts only")
    options = parser.parse_args()
    out = options.out.resolve()
    be_quiet_and_deterministic()
    out.mkdir(parents=True, exist_ok=True)
    for style in tiny_tokenizers.STYLES:
        tiny_tokenizers.train(tokenizer_folder(out, style), style)
    for name in options.only:
        if name in PARTS:
            for stale in (out / "models" / name, out / "ref" / name):
                shutil.rmtree(stale, ignore_errors=True)
        parts[name](out)
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{out}: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
