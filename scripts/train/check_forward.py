#!/usr/bin/env python3
"""Checks that the forward passes of training equal the published ones."""

import torch
from torch import Tensor

from networks import PRESETS, make_denoiser, make_vae
from per_frame_denoiser import TEXT_ROWS, predict
from whole_clip_vae import WholeClipVae

BAR = 1e-5


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


def check_vae() -> dict[str, float]:
    vae = make_vae(PRESETS["tiny-world"]).eval()
    pixels = torch.rand(1, 3, 13, 64, 48) * 2 - 1
    posterior = vae.encode(pixels).latent_dist
    decoded = vae.decode(posterior.mean).sample
    whole = WholeClipVae(vae)
    mean, _ = whole.encode(pixels)
    return {
        "VAE encode": relative_error(mean, posterior.mean),
        "VAE decode": relative_error(whole.decode(posterior.mean).clamp(-1, 1), decoded),
    }


def check_denoiser() -> dict[str, float]:
    preset = PRESETS["tiny-world"]
    model = make_denoiser(preset).eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.02)  # zero biases and unit norms would hide mistakes
    batch, frames, height, width = 2, 3, 4, 6
    latents = torch.randn(batch, preset.latent_channels, frames, height, width)
    timesteps = torch.rand(batch, frames) * 1000
    text_rows = torch.tensor([7, 20])
    text = torch.randn(batch, 24, preset.text_width) * (torch.arange(24)[None] < text_rows[:, None])[..., None]
    padded = torch.cat([text, torch.zeros(batch, TEXT_ROWS - 24, preset.text_width)], 1)
    tokens = (height // 2) * (width // 2)
    theirs = model(latents, timesteps.repeat_interleave(tokens, 1), padded, return_dict=False)[0]
    ours, _ = predict(model, latents, timesteps, text, text_rows)
    return {"denoiser": relative_error(ours, theirs)}


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    for name, error in (check_vae() | check_denoiser()).items():
        print(f"{name}: relative error {error:.1e}")
        if not error < BAR:
            raise SystemExit(f"{name} differs from diffusers by more than {BAR}")


if __name__ == "__main__":
    main()
