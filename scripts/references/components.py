"""Tiny random components with every structural feature of the real checkpoints, and their folders on disk."""

import json
import math
import os
import shutil
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKLWan, DiffusionPipeline, SkyReelsV2Transformer3DModel, WanTransformer3DModel
from torch import nn
from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

VOCABULARY = 704  # more rows than the tokenizer has pieces, as in the real encoders
TEXT_WIDTH = 32
IMAGE_WIDTH, IMAGE_ROWS = 24, 5  # states that the image encoder of tests/data/models/wan21_i2v makes of a picture

Module = TypeVar("Module", bound=nn.Module)


def random_values(name: str, shape: torch.Size, random: torch.Generator, gain: float) -> torch.Tensor:
    """Values of a size that keeps activations near 1, while no norm weight is 1 and no bias is 0."""
    values = torch.randn(shape, generator=random)
    leaf = name.rsplit(".", 1)[-1]
    if "scale_shift_table" in name:
        return 0.5 * values
    if leaf == "bias":
        return 0.05 * values
    if "relative_attention_bias" in name:
        return 0.7 * values
    if leaf == "gamma" or len(shape) <= 1:
        return 1 + 0.1 * values
    if name.endswith("shared.weight"):
        return values
    fan_in = math.prod(shape[1:])
    return values * (gain / math.sqrt(fan_in))


def randomize(
    module: Module, seed: int, gain: float = 1.0, output_gain: float = 1.0, dtype: torch.dtype = torch.float32
) -> Module:
    """Fills every parameter from `seed`, rounded to `dtype`. `output_gain` scales the VAE's last convolution."""
    random = torch.Generator("cpu").manual_seed(seed)
    for name, parameter in sorted(module.named_parameters()):
        values = random_values(name, parameter.shape, random, gain)
        if name == "decoder.conv_out.weight":
            values *= output_gain
        parameter.data = values.to(dtype)
    return module.eval()


def text_settings() -> dict[str, object]:
    return dict(
        vocab_size=VOCABULARY, d_model=TEXT_WIDTH, d_kv=8, d_ff=48, num_layers=3, num_heads=4,
        relative_attention_num_buckets=32, relative_attention_max_distance=128, feed_forward_proj="gated-gelu",
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip


def umt5(seed: int, dtype: torch.dtype = torch.float32) -> UMT5EncoderModel:
    """Every block has a relative position bias of its own."""
    return randomize(UMT5EncoderModel(UMT5Config(**text_settings())), seed, dtype=dtype)


def t5(seed: int, dtype: torch.dtype = torch.float32) -> T5EncoderModel:
    """T5 v1.1: the bias of block 0 serves all blocks."""
    return randomize(T5EncoderModel(T5Config(**text_settings())), seed, dtype=dtype)


def transformer(seed: int, channels: int, layers: int, dtype: torch.dtype = torch.float32) -> WanTransformer3DModel:
    """Heads of 20 channels split as 8 + 6 + 6 between time, height and width in the rotary tables."""
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=20, in_channels=channels,
        out_channels=channels, text_dim=TEXT_WIDTH, freq_dim=256, ffn_dim=56, num_layers=layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=64,
    )  # fmt: skip
    return randomize(model, seed, dtype=dtype)


def skyreels_image_transformer(
    seed: int, layers: int, two_images: bool = False, dtype: torch.dtype = torch.float32
) -> SkyReelsV2Transformer3DModel:
    """Latents, mask and given frames to latents; attends beside the text to an image, or to two that have positions."""
    model = SkyReelsV2Transformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=20, in_channels=36, out_channels=16,
        text_dim=TEXT_WIDTH, freq_dim=256, ffn_dim=56, num_layers=layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, image_dim=IMAGE_WIDTH, added_kv_proj_dim=40, rope_max_seq_len=64,
        pos_embed_seq_len=2 * IMAGE_ROWS if two_images else None,
    )  # fmt: skip
    return randomize(model, seed, dtype=dtype)


def vae21(seed: int, base_dim: int, dtype: torch.dtype = torch.float32) -> AutoencoderKLWan:
    """Wan 2.1: 8 x 8 x 4 compression, 16 channels; the published means and deviations are the class's defaults."""
    model = AutoencoderKLWan(
        base_dim=base_dim, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
        temperal_downsample=[False, True, True], dropout=0.0,
    )  # fmt: skip
    return randomize(model, seed, gain=1.2, output_gain=0.6, dtype=dtype)


def vae22(seed: int, dtype: torch.dtype = torch.float32) -> AutoencoderKLWan:
    """Wan 2.2 TI2V: residual blocks with shortcuts, 2 x 2 pixel patches, 16 x 16 x 4 compression, 48 channels."""
    random = np.random.RandomState(7)
    model = AutoencoderKLWan(
        base_dim=3, decoder_base_dim=5, z_dim=48, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
        temperal_downsample=[False, True, True], dropout=0.0, is_residual=True, in_channels=12, out_channels=12,
        patch_size=2, scale_factor_temporal=4, scale_factor_spatial=16,
        latents_mean=[round(float(value), 4) for value in random.randn(48) * 0.3],
        latents_std=[round(float(value), 4) for value in 0.4 + random.rand(48) * 0.6],
    )  # fmt: skip
    return randomize(model, seed, output_gain=0.5, dtype=dtype)


def save_pipeline(pipeline: DiffusionPipeline, folder: Path, tokenizer: Path, max_shard_size: str | None) -> None:
    """Writes the folder as the hub repositories have it, sharded if a size is given (the VAE never is)."""
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(folder, safe_serialization=True)
    if max_shard_size:
        for name in ("text_encoder", "transformer"):
            shutil.rmtree(folder / name)
            getattr(pipeline, name).save_pretrained(folder / name, max_shard_size=max_shard_size)
    index_path = folder / "model_index.json"
    index = json.loads(index_path.read_text())
    index["tokenizer"] = ["transformers", "T5TokenizerFast"]  # the name on the hub; transformers 5 writes another
    index_path.write_text(json.dumps(index, indent=2) + "\n")
    replace_tokenizer(folder / "tokenizer", tokenizer)


def replace_tokenizer(folder: Path, source: Path) -> None:
    """A tokenizer folder whose spiece.model is a link, as in a hub cache: one copy of the file serves all."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(source / "tokenizer_config.json", folder / "tokenizer_config.json")
    (folder / "spiece.model").symlink_to(os.path.relpath(source / "spiece.model", folder))
