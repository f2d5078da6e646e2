"""Runs of checkpoints that take images, clips and masks, or are sampled by diffusion forcing.

Their transformers and image encoders are in tests/data (SkyReels-V2's that take images are written here); all else is
linked to other checkpoints' parts, so that it is stored once.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    DiffusionPipeline,
    SkyReelsV2DiffusionForcingImageToVideoPipeline,
    SkyReelsV2DiffusionForcingPipeline,
    SkyReelsV2DiffusionForcingVideoToVideoPipeline,
    SkyReelsV2ImageToVideoPipeline,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    WanImageToVideoPipeline,
    WanVACEPipeline,
)
from PIL import Image, ImageDraw

import components
from runs import WHOLE, Run, load, record, test_image

FIRST, LAST = test_image(37, 53), test_image(32, 48, shift=40)
CALLS = ("dit.000.in.*", "dit.000.out", "dit.001.in.encoder_hidden_states", "dit.001.out")
SOME_LAYERS = tuple(
    f"transformer.call0.{name}" for name in ("block0.attn[12]", "block2", "patch_embedding", "proj_out")
)
LAYERS = SOME_LAYERS + tuple(
    f"transformer.call0.{name}"
    for name in ("block[01]", "block0.ffn", "condition_embedder.[0123]", "fps_projection", "vace_*")
)


def call(number: int) -> tuple[str, ...]:
    return tuple(f"dit.{number:03d}.{name}" for name in ("in.hidden_states", "in.timestep", "out"))


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(target, path.parent))


def linked_model(out: Path, model: str, **owners: str) -> Path:
    """The checkpoint's folder, its VAE, text encoder and what else `owners` names being those of others."""
    folder = out / "models" / model
    for part, owner in (dict(vae="wan21_t2v", text_encoder="wan21_t2v") | owners).items():
        shutil.rmtree(folder / part, ignore_errors=True)
        (folder / part).mkdir(parents=True)
        for source in sorted((out / "models" / owner / part).iterdir()):
            link(folder / part / source.name, source)
    return folder


def wan21_i2v(out: Path) -> None:
    pipeline = load(WanImageToVideoPipeline, linked_model(out, "wan21_i2v"))
    keep = WHOLE + CALLS + call(4) + LAYERS + ("transformer.call0.rope.*",)
    record(Run("wan21_i2v", "fp32_unipc3", keep, num_inference_steps=3, max_sequence_length=512,
               extra=dict(image=FIRST)), pipeline, out)  # fmt: skip


def wan21_flf2v(out: Path) -> None:
    pipeline = load(WanImageToVideoPipeline, linked_model(out, "wan21_flf2v"))
    keep = WHOLE + ("dit.000.in.[!e]*", "dit.000.in.encoder_hidden_states_image", "dit.00[01].out")
    keep += SOME_LAYERS + ("transformer.call0.condition_embedder.3",)
    record(Run("wan21_flf2v", "fp32_unipc3", keep, num_inference_steps=3, max_sequence_length=512,
               extra=dict(image=FIRST, last_image=LAST)), pipeline, out)  # fmt: skip


def wan22_a14b_i2v(out: Path) -> None:
    pipeline = load(WanImageToVideoPipeline, linked_model(out, "wan22_a14b_i2v"))
    given = dict(image=FIRST, guidance_scale_2=3.0)
    keep = WHOLE + CALLS + call(4) + SOME_LAYERS
    record(Run("wan22_a14b_i2v", "fp32_unipc4", keep, guidance_scale=3.5, extra=given), pipeline, out)
    given["last_image"] = LAST
    record(Run("wan22_a14b_i2v", "fp32_last_image", WHOLE, guidance_scale=3.5, extra=given), pipeline, out)


def wan21_vace(out: Path) -> None:
    pipeline = load(WanVACEPipeline, linked_model(out, "wan21_vace"))

    def run(name: str, keep: tuple[str, ...], steps: int = 3, **given: Any) -> None:
        record(Run("wan21_vace", name, WHOLE + CALLS + keep, num_inference_steps=steps, extra=given), pipeline, out)

    run("fp32_t2v", SOME_LAYERS + ("transformer.call0.vace_block1.0",))
    size = (32, 48)
    grey = Image.new("RGB", size, (128, 128, 128))
    video, mask = [test_image(*size), *[grey] * 7, LAST], []
    for frame in range(9):
        stays = frame in (0, 8)
        picture = Image.new("L", size, 0 if stays else 255)
        if not stays:
            ImageDraw.Draw(picture).rectangle((2 * frame, 5, 2 * frame + 9, 30), fill=0)
        mask.append(picture)
    run("fp32_flf_mask", call(4) + LAYERS, video=video, mask=mask)
    run("fp32_reference", call(2) + SOME_LAYERS + ("transformer.call0.vace_block1.0",), steps=2, video=video, mask=mask,
        reference_images=[test_image(40, 80), test_image(90, 41)], conditioning_scale=[1.0, 0.6])  # fmt: skip


def skyreels_v2_t2v(out: Path) -> None:
    pipeline = load(SkyReelsV2Pipeline, linked_model(out, "skyreels_v2_t2v", text_encoder="t5_encoder"))
    keep = WHOLE + CALLS + call(4) + LAYERS
    record(Run("skyreels_v2_t2v", "fp32_unipc3", keep, num_inference_steps=3, guidance_scale=6.0), pipeline, out)


def skyreels_image_pipeline(out: Path, model: str, transformer: SkyReelsV2Transformer3DModel) -> DiffusionPipeline:
    like = "wan21_i2v"
    folder = linked_model(out, model, tokenizer=like, image_encoder=like, image_processor=like, scheduler="wan21_flf2v")
    transformer.save_pretrained(folder / "transformer")
    for path in (folder / "transformer").iterdir():
        path.chmod(0o644)
    index = json.loads((out / "models" / like / "model_index.json").read_text())
    index["_class_name"] = SkyReelsV2ImageToVideoPipeline.__name__
    index["transformer"] = ["diffusers", type(transformer).__name__]
    for wans_own in ("boundary_ratio", "expand_timesteps", "transformer_2"):
        del index[wans_own]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    return load(SkyReelsV2ImageToVideoPipeline, folder)


def skyreels_v2_i2v(out: Path) -> None:
    model = "skyreels_v2_i2v"
    pipeline = skyreels_image_pipeline(out, model, components.skyreels_image_transformer(seed=60, layers=2))
    keep = WHOLE + CALLS + call(4) + SOME_LAYERS + ("transformer.call0.block[01]", "transformer.call0.*embedder.[013]")
    record(Run(model, "fp32_unipc3", keep, num_inference_steps=3, max_sequence_length=512, extra=dict(image=FIRST)),
           pipeline, out)  # fmt: skip


def skyreels_v2_flf2v(out: Path) -> None:
    """No such checkpoint is published: the pipeline takes a last image, which only a transformer with positions can."""
    model = "skyreels_v2_flf2v"
    transformer = components.skyreels_image_transformer(seed=61, layers=1, two_images=True, dtype=torch.bfloat16)
    pipeline = skyreels_image_pipeline(out, model, transformer)
    record(Run(model, "fp32_unipc3", WHOLE, num_inference_steps=3, max_sequence_length=512,
               extra=dict(image=FIRST, last_image=LAST)), pipeline, out)  # fmt: skip


def skyreels_v2_df(out: Path) -> None:
    folder = linked_model(out, "skyreels_v2_df")

    def run(kind: Any, name: str, keep: tuple[str, ...], frames: int = 9, steps: int = 3, **extra: Any) -> None:
        # Noise on known frames is torch's own: the latents are compared and not the program's frames.
        seed = 43 if "addnoise_condition" in extra else None
        whole = WHOLE[:2] if seed else WHOLE
        record(Run("skyreels_v2_df", name, whole + keep, num_frames=frames, num_inference_steps=steps,
                   guidance_scale=6.0, extra=extra, global_seed=seed), load(kind, folder), out)  # fmt: skip

    plain = SkyReelsV2DiffusionForcingPipeline
    run(plain, "fp32_sync", CALLS + call(2) + LAYERS, base_num_frames=9)
    run(plain, "fp32_async_block2", CALLS + call(6) + call(10) + SOME_LAYERS, 21, 4, base_num_frames=21, ar_step=2,
        causal_block_size=2)  # fmt: skip
    run(plain, "fp32_long", (), 17, base_num_frames=9, overlap_history=5)
    window = dict(overlap_history=5, addnoise_condition=20)
    run(plain, "fp32_long_addnoise", CALLS + call(6), 17, base_num_frames=9, **window)
    run(plain, "fp32_long_async", CALLS + call(6), 29, 4, base_num_frames=13, ar_step=2, causal_block_size=2, **window)
    image = SkyReelsV2DiffusionForcingImageToVideoPipeline
    run(image, "fp32_i2v", CALLS, base_num_frames=9, image=FIRST)
    run(image, "fp32_last_image", (), base_num_frames=9, image=FIRST, last_image=LAST)
    video = [test_image(32, 48, shift=3 * frame) for frame in range(9)]
    run(SkyReelsV2DiffusionForcingVideoToVideoPipeline, "fp32_v2v_extend", CALLS + call(8), 17, base_num_frames=9,
        video=video, **window)  # fmt: skip


PARTS = dict(
    wan21_i2v=wan21_i2v, wan21_flf2v=wan21_flf2v, wan22_a14b_i2v=wan22_a14b_i2v, wan21_vace=wan21_vace,
    skyreels_v2_t2v=skyreels_v2_t2v, skyreels_v2_i2v=skyreels_v2_i2v, skyreels_v2_flf2v=skyreels_v2_flf2v,
    skyreels_v2_df=skyreels_v2_df,
)  # fmt: skip
