#!/usr/bin/env python3
"""Writes to tests/data/denoiser transformers that are told more than a text, each as <name>/{config.json,
diffusion_pytorch_model.safetensors,calls.safetensors}:

    image_pair     WanTransformer3DModel with the states of two images and their positions
    control        WanVACETransformer3DModel with hints to layers that are no even distance apart
    frame_blocks   SkyReelsV2Transformer3DModel with an image, frame rates and blocks of two frames

The calls have inputs by name and outputs as <case>.out; those in bf16 are the reference's own, bf16 from the start.
"""

import tempfile
from collections.abc import Callable

import torch
from diffusers import SkyReelsV2Transformer3DModel, WanTransformer3DModel, WanVACETransformer3DModel
from safetensors.torch import save_file
from torch import nn

from denoisers import FOLDER, PADDED_LENGTH, TEXT_ROWS, generator, randomize, save

Tensors = dict[str, torch.Tensor]

COMMON = dict(
    num_attention_heads=2, attention_head_dim=10, out_channels=4, text_dim=8, freq_dim=16, ffn_dim=24,
    rope_max_seq_len=16,
)  # fmt: skip
WITH_IMAGE = dict(in_channels=9, image_dim=6, added_kv_proj_dim=20)
TIMESTEP = torch.tensor([731])
IMAGE_TEXT_LENGTH = 512  # what comes before the last 512 rows of text and image is image


def randn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed))


def padded(text: torch.Tensor, length: int) -> torch.Tensor:
    return torch.cat([text, torch.zeros(1, length - text.shape[1], text.shape[2])], dim=1)


def image_pair_inputs() -> Tensors:
    return {"latents": randn(21, 1, 9, 2, 4, 6), "text": randn(22, 1, TEXT_ROWS, 8), "image": randn(23, 2, 4, 6)}


def image_pair_calls(model: nn.Module, given: Tensors) -> Tensors:
    text = padded(given["text"].float(), IMAGE_TEXT_LENGTH).to(given["text"])
    return {"both": model(given["latents"], TIMESTEP, text, given["image"], return_dict=False)[0]}


def control_inputs() -> Tensors:
    return {"latents": randn(31, 1, 4, 3, 4, 6), "text": randn(32, 1, TEXT_ROWS, 8),
            "control": randn(33, 1, 7, 3, 4, 6), "scales": torch.tensor([1.0, 0.6, -0.3])}  # fmt: skip


def control_calls(model: nn.Module, given: Tensors) -> Tensors:
    text = padded(given["text"].float(), PADDED_LENGTH).to(given["text"])

    def call(scales: torch.Tensor | None) -> torch.Tensor:
        return model(given["latents"], TIMESTEP, text, control_hidden_states=given["control"],
                     control_hidden_states_scale=scales, return_dict=False)[0]  # fmt: skip

    return {"plain": call(None), "scaled": call(given["scales"])}


def frame_blocks_inputs() -> Tensors:
    return {"latents": randn(41, 1, 9, 4, 4, 6), "text": randn(42, 1, TEXT_ROWS, 8), "image": randn(43, 1, 5, 6)}


def frame_blocks_calls(model: nn.Module, given: Tensors) -> Tensors:
    text = padded(given["text"].float(), IMAGE_TEXT_LENGTH).to(given["text"])
    frames = torch.tensor([[0, 20, 731, 999]])

    def call(timesteps: torch.Tensor, fps: int, block: int) -> torch.Tensor:
        model._set_ar_attention(block)
        return model(given["latents"], timesteps, text, given["image"], enable_diffusion_forcing=timesteps.dim() == 2,
                     fps=[fps], return_dict=False)[0]  # fmt: skip

    return {"blocks": call(frames, 1, 2), "fps16": call(frames, 0, 2), "no_blocks": call(frames, 1, 1),
            "one_timestep": call(TIMESTEP, 1, 2)}  # fmt: skip


CASES: dict[str, tuple[nn.Module, Callable[[], Tensors], Callable[[nn.Module, Tensors], Tensors]]] = {
    "image_pair": (
        WanTransformer3DModel(num_layers=2, cross_attn_norm=False, pos_embed_seq_len=8, **COMMON, **WITH_IMAGE),
        image_pair_inputs, image_pair_calls,
    ),
    "control": (
        WanVACETransformer3DModel(num_layers=4, in_channels=4, vace_layers=[0, 1, 3], vace_in_channels=7, **COMMON),
        control_inputs, control_calls,
    ),
    "frame_blocks": (
        SkyReelsV2Transformer3DModel(
            num_layers=2, inject_sample_info=True, num_frame_per_block=2, **COMMON, **WITH_IMAGE,
        ),
        frame_blocks_inputs, frame_blocks_calls,
    ),
}  # fmt: skip


def in_bfloat16(model: nn.Module) -> nn.Module:
    """As diffusers loads it, which keeps some parameters in fp32."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return type(model).from_pretrained(folder, torch_dtype=torch.bfloat16)


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    for seed, (name, (model, inputs, calls)) in enumerate(CASES.items()):
        randomize(model, 50 + seed)
        save(model, FOLDER / name)
        given = inputs()
        tensors = dict(given)
        for case, output in calls(model, given).items():
            tensors[f"{case}.out"] = output
        rounded = {key: value.bfloat16() for key, value in given.items()}
        for case, output in calls(in_bfloat16(model), rounded).items():
            tensors[f"{case}.bf16.out"] = output
        save_file({key: value.contiguous() for key, value in tensors.items()}, FOLDER / name / "calls.safetensors")


if __name__ == "__main__":
    main()
