#!/usr/bin/env python3
"""Writes tests/data/denoiser: transformers of shapes that the Wan checkpoints do not have, and schedulers with settings
that they do not use.

    <shape>/config.json, diffusion_pytorch_model.safetensors   a tiny random WanTransformer3DModel
    <shape>/calls.safetensors                                  its inputs and outputs; frame.* with a timestep a frame
    schedules.json                                             scheduler configs by case
    schedules.safetensors                                      <case>.{sigmas,timesteps,trajectory}
"""

import json
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanTransformer3DModel
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "data" / "denoiser"

# head_dim 10: rotary 6 + 2 + 2; 4: time only; 32: 12 + 10 + 10.
SHAPES = {
    "pixel_patches": dict(patch_size=(1, 1, 1), num_attention_heads=3, attention_head_dim=10, cross_attn_norm=False),
    "wide_patches": dict(patch_size=(1, 1, 3), num_attention_heads=5, attention_head_dim=4),
    "one_head": dict(patch_size=(1, 2, 1), num_attention_heads=1, attention_head_dim=32, eps=1e-5, freq_dim=30),
}
Module = TypeVar("Module", bound=nn.Module)
LATENTS, TEXT_ROWS, PADDED_LENGTH = (1, 4, 3, 4, 6), 5, 20

FLOW = dict(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)
UNIPC, EULER = UniPCMultistepScheduler, FlowMatchEulerDiscreteScheduler
SCHEDULES = {
    "unipc_order1": (UNIPC, 8, FLOW | dict(solver_order=1, lower_order_final=False)),
    "unipc_order4": (UNIPC, 12, FLOW | dict(solver_order=4)),
    "unipc_order6": (UNIPC, 12, FLOW | dict(solver_order=6)),
    "unipc_midpoint": (UNIPC, 8, FLOW | dict(solver_type="midpoint")),
    "unipc_terminal": (UNIPC, 8, FLOW | dict(shift_terminal=0.1)),
    "unipc_sigma_min": (UNIPC, 8, FLOW | dict(final_sigmas_type="sigma_min", solver_order=3)),
    "unipc_bh1_sigma_min": (UNIPC, 8, FLOW | dict(final_sigmas_type="sigma_min", solver_type="bh1", solver_order=3)),
    "unipc_no_corrector": (UNIPC, 8, FLOW | dict(disable_corrector=[0, 1, 5])),
    "unipc_train_100": (UNIPC, 8, FLOW | dict(num_train_timesteps=100)),
    "unipc_karras": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True)),
    "unipc_karras_range": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True, sigma_min=0.01, sigma_max=200.0)),
    "unipc_karras_scaled": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True, beta_schedule="scaled_linear")),
    "unipc_karras_cosine": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True, beta_schedule="squaredcos_cap_v2")),
    "unipc_karras_trained": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True, trained_betas=[0.01, 0.1, 0.5, 0.9])),
    "unipc_karras_zero_snr": (UNIPC, 8, FLOW | dict(use_karras_sigmas=True, rescale_betas_zero_snr=True)),
    "euler_terminal": (EULER, 8, dict(shift=5.0, shift_terminal=0.1)),
    "euler_karras": (EULER, 8, dict(shift=5.0, use_karras_sigmas=True)),
    "euler_exponential": (EULER, 8, dict(shift=5.0, use_exponential_sigmas=True)),
    "euler_inverted": (EULER, 8, dict(shift=5.0, invert_sigmas=True)),
    "euler_train_100": (EULER, 1, dict(shift=5.0, num_train_timesteps=100)),
}


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def randomize(model: Module, seed: int) -> Module:
    source = generator(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=source)
        is_gain = "norm" in name and name.endswith("weight")
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
        value = 1 + 0.3 * noise if is_gain else noise / fan_in**0.5
        parameter.data = value.bfloat16().float()  # so that it can be stored in half the bytes
    return model.eval()


def random_transformer(seed: int, shape: dict[str, object]) -> WanTransformer3DModel:
    model = WanTransformer3DModel(
        in_channels=4, out_channels=4, text_dim=8, ffn_dim=24, num_layers=2, rope_max_seq_len=16,
        **(dict(freq_dim=16) | shape),
    )  # fmt: skip
    return randomize(model, seed)


def save(model: nn.Module, folder: Path) -> None:
    model.save_config(folder)
    weights = {key: value.bfloat16() for key, value in model.state_dict().items()}
    save_file(weights, folder / "diffusion_pytorch_model.safetensors")


def denoiser_calls(model: WanTransformer3DModel) -> dict[str, torch.Tensor]:
    source = generator(11)
    latents = torch.randn(LATENTS, generator=source)
    text = torch.randn((1, TEXT_ROWS, model.config.text_dim), generator=source)
    padded = torch.cat([text, torch.zeros(1, PADDED_LENGTH - TEXT_ROWS, text.shape[2])], dim=1)
    frames = torch.tensor([0.0, 731.0, 250.5])
    tokens = frames.repeat_interleave(latents[0, 0, 0].numel() // (model.config.patch_size[1] * model.config.patch_size[2]))
    same = model(latents, torch.tensor([731]), padded, return_dict=False)[0]
    by_frame = model(latents, tokens[None], padded, return_dict=False)[0]
    unpadded = model(latents, torch.tensor([731]), text, return_dict=False)[0]
    calls = {"latents": latents, "text": text, "same.out": same, "frame.timesteps": frames, "frame.out": by_frame,
             "unpadded.out": unpadded}  # fmt: skip
    return {name: tensor.contiguous() for name, tensor in calls.items()}


def trajectory(scheduler: UniPCMultistepScheduler | FlowMatchEulerDiscreteScheduler) -> torch.Tensor:
    """Steps on the synthetic velocity v = sin(3x) + 0.1 t/1000, the start included."""
    scheduler.set_begin_index(0)
    sample = torch.randn(1, 2, 1, 2, 3, generator=generator(3))
    visited = [sample]
    for timestep in scheduler.timesteps:
        velocity = torch.sin(3 * sample) + 0.1 * timestep / 1000
        sample = scheduler.step(velocity, timestep, sample, return_dict=False)[0]
        visited.append(sample)
    return torch.stack(visited)


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed, (name, shape) in enumerate(SHAPES.items()):
        model = random_transformer(seed, shape)
        save(model, FOLDER / name)
        save_file(denoiser_calls(model), FOLDER / name / "calls.safetensors")
    tensors = {}
    for case, (kind, steps, options) in SCHEDULES.items():
        scheduler = kind(**options)
        scheduler.set_timesteps(steps)
        tensors[f"{case}.sigmas"] = scheduler.sigmas
        tensors[f"{case}.timesteps"] = scheduler.timesteps
        tensors[f"{case}.trajectory"] = trajectory(scheduler)
    save_file(tensors, FOLDER / "schedules.safetensors")
    configs = {case: options for case, (_, _, options) in SCHEDULES.items()}
    (FOLDER / "schedules.json").write_text(json.dumps(configs, indent=1) + "\n")


if __name__ == "__main__":
    main()
