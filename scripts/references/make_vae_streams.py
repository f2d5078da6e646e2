#!/usr/bin/env python3
"""Writes tests/data/vae/streams.safetensors: videos that AutoencoderKLWan decodes from seeded noise, thinned to every 16th
pixel, at sizes at which sora-gen's decoder takes one pass, several passes of many latent frames, and one latent frame a pass;
and the normalised latents that it encodes from videos of noise.

usage: make_vae_streams.py   (see requirements.txt)
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
THINNING = 16

# name -> checkpoint, latent shape [T, H, W]
STREAMS = {
    "wan21.frame_a_pass": ("tests/data/models/wan21_t2v", (3, 32, 32)),
    "wan21.several_passes": ("tests/data/models/wan21_t2v", (30, 8, 6)),
    "wan22.frame_a_pass": ("tests/data/models/wan22_ti2v", (3, 32, 33)),
    "wan22.one_pass": ("tests/data/models/wan22_ti2v", (4, 3, 5)),
    "tiny_world.one_pass": ("models/tiny-world", (3, 16, 16)),
}

# name -> checkpoint, pixel shape [T, H, W]
ENCODED = {
    "wan21.encoded": ("tests/data/models/wan21_t2v", (13, 64, 48)),
    "wan22.encoded": ("tests/data/models/wan22_ti2v", (9, 64, 96)),
}


def seeded(*shape: int) -> torch.Tensor:
    return torch.randn((1, *shape), generator=torch.Generator().manual_seed(5))


def load(checkpoint: str) -> AutoencoderKLWan:
    return AutoencoderKLWan.from_pretrained(ROOT / checkpoint, subfolder="vae", torch_dtype=torch.float32)


def statistics(vae: AutoencoderKLWan) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and reciprocal deviation of the latents, as the pipelines apply them."""
    view = (1, vae.config.z_dim, 1, 1, 1)
    return torch.tensor(vae.config.latents_mean).view(view), 1.0 / torch.tensor(vae.config.latents_std).view(view)


def encode(checkpoint: str, shape: tuple[int, int, int]) -> torch.Tensor:
    vae = load(checkpoint)
    mean, inverse_std = statistics(vae)
    return (vae.encode(seeded(3, *shape).clamp(-1, 1)).latent_dist.mode() - mean) * inverse_std


def decode(checkpoint: str, shape: tuple[int, int, int]) -> torch.Tensor:
    vae = load(checkpoint)
    mean, inverse_std = statistics(vae)
    latents = seeded(vae.config.z_dim, *shape)
    return vae.decode(latents / inverse_std + mean).sample[..., ::THINNING, ::THINNING].contiguous()


def main() -> None:
    torch.set_grad_enabled(False)
    streams = {name: decode(*stream) for name, stream in STREAMS.items()}
    streams |= {name: encode(*video) for name, video in ENCODED.items()}
    save_file(streams, ROOT / "tests/data/vae/streams.safetensors")


if __name__ == "__main__":
    main()
