"""Writes checkpoints of random weights in diffusers layout, tensor by tensor: they may be larger than memory."""

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

GIB = 1 << 30
CHUNK = 1 << 24  # numbers drawn at a time
SAFETENSORS_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16"}
# Any tokenizer will do as long as the encoder has a row for each of its ids.
TOKENIZER = Path(__file__).resolve().parents[2] / "models" / "tiny-world" / "tokenizer"

Shapes = dict[str, torch.Size]


@dataclass(frozen=True)
class TextSizes:
    vocabulary: int
    width: int
    feed_forward: int
    layers: int
    heads: int


UMT5_XXL = TextSizes(vocabulary=256_384, width=4096, feed_forward=10_240, layers=24, heads=64)
UMT5_SMALL = TextSizes(vocabulary=512, width=512, feed_forward=1024, layers=8, heads=6)


def fill(name: str, shape: torch.Size, random: torch.Generator) -> Iterator[torch.Tensor]:
    """Flat pieces of a tensor in fp32, of sizes that keep activations near 1 through any number of layers."""
    count = shape.numel()
    is_table = name.endswith(("scale_shift_table", "shared.weight", "relative_attention_bias.weight"))
    is_vector = count == max(shape, default=1)  # biases, norms, the VAE's [C, 1, 1, 1] gammas
    deviation = 0.5 if is_table else 1 / math.sqrt(count / shape[0])
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        if is_vector and not is_table:
            yield torch.full((size,), 0.0 if name.endswith("bias") else 1.0)
        else:
            yield torch.randn(size, generator=random) * deviation


def write_safetensors(path: Path, shapes: Shapes, dtype: torch.dtype, random: torch.Generator) -> None:
    """Streams the tensors behind a header that says where each lies."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + shape.numel() * dtype.itemsize
        header[name] = dict(dtype=SAFETENSORS_NAMES[dtype], shape=list(shape), data_offsets=[offset, end])
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            for piece in fill(name, shape, random):
                file.write(piece.to(dtype).view(torch.uint8).numpy())


def split_into_shards(shapes: Shapes, dtype: torch.dtype, max_bytes: int) -> list[Shapes]:
    shards: list[Shapes] = [{}]
    size = 0
    for name, shape in shapes.items():
        bytes_here = shape.numel() * dtype.itemsize
        if shards[-1] and size + bytes_here > max_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = shape
        size += bytes_here
    return shards


def write_weights(folder: Path, stem: str, shapes: Shapes, dtype: torch.dtype, max_bytes: int) -> None:
    """One file, or shards with their index."""
    random = torch.Generator().manual_seed(0)
    shards = split_into_shards(shapes, dtype, max_bytes)
    if len(shards) == 1:
        write_safetensors(folder / f"{stem}.safetensors", shapes, dtype, random)
        return
    places: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        name = f"{stem}-{number:05d}-of-{len(shards):05d}.safetensors"
        write_safetensors(folder / name, shard, dtype, random)
        places |= dict.fromkeys(shard, name)
    total = sum(shape.numel() for shape in shapes.values()) * dtype.itemsize
    index = dict(metadata=dict(total_size=total), weight_map=places)
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index, indent=2))


def shapes_of(model: nn.Module, tied: tuple[str, ...] = ()) -> Shapes:
    return {name: tensor.shape for name, tensor in model.state_dict().items() if name not in tied}


def write_text_encoder(folder: Path, sizes: TextSizes, max_bytes: int) -> None:
    config = UMT5Config(
        vocab_size=sizes.vocabulary, d_model=sizes.width, d_kv=64, d_ff=sizes.feed_forward, num_layers=sizes.layers,
        num_heads=sizes.heads, relative_attention_num_buckets=32, relative_attention_max_distance=128,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
        architectures=["UMT5EncoderModel"], dtype="bfloat16",
    )  # fmt: skip
    with torch.device("meta"):
        model = UMT5EncoderModel(config)
    config.save_pretrained(folder)
    shapes = shapes_of(model, tied=("encoder.embed_tokens.weight",))
    write_weights(folder, "model", shapes, torch.bfloat16, max_bytes)


def write_transformer(folder: Path, layers: int, text_width: int, max_bytes: int) -> None:
    """The widths of Wan 2.1 T2V 1.3B, which has 30 layers."""
    with torch.device("meta"):
        model = WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=12, attention_head_dim=128, in_channels=16, out_channels=16,
            text_dim=text_width, freq_dim=256, ffn_dim=8960, num_layers=layers, cross_attn_norm=True,
            qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024,
        )  # fmt: skip
    model.save_config(folder)
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    write_weights(folder, "diffusion_pytorch_model", shapes, torch.bfloat16, max_bytes)


def write_vae(folder: Path) -> None:
    """Wan 2.1's VAE as published: 127 million parameters in fp32."""
    with torch.device("meta"):
        model = AutoencoderKLWan()
    model.save_config(folder)
    write_weights(folder, "diffusion_pytorch_model", shapes_of(model), torch.float32, max_bytes=5 * GIB)


def write_checkpoint(folder: Path, text: TextSizes, layers: int, max_shard_bytes: int = 5 * GIB) -> None:
    """A whole folder that WanPipeline and sora-gen load; the index comes last, so that it marks a whole one."""
    for name in ("text_encoder", "transformer", "vae", "scheduler"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_text_encoder(folder / "text_encoder", text, max_shard_bytes)
    write_transformer(folder / "transformer", layers, text.width, max_shard_bytes)
    write_vae(folder / "vae")
    shutil.copytree(TOKENIZER, folder / "tokenizer", dirs_exist_ok=True)
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
    )
    scheduler.save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "WanPipeline",
        "_diffusers_version": "0.42.1",
        "boundary_ratio": None,
        "expand_timesteps": False,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": [None, None],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
