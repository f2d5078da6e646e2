#!/usr/bin/env python3
"""Trains the VAE on 17-frame crops. Killed, it goes on from the last state; --init starts from a checkpoint."""

import math
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from muon import Muon
from networks import make_vae
from training import Log, Run, seed_step, set_learning_rate
from whole_clip_vae import WholeClipVae
from workspace import argument_parser, start

FRAMES = 17  # trained on 9 frames, a VAE falls apart from frame 10 on
CROP = 64
SEED = 0
WARM_UP = 60


def random_crops(clips: np.ndarray, batch: int, rng: random.Random, device: str) -> Tensor:
    """[B, 3, 17, 64, 64] in -1 to 1, mirrored half of the time."""
    pixels = np.empty((batch, FRAMES, CROP, CROP, 3), np.uint8)
    for crop in pixels:
        clip = clips[rng.randrange(len(clips))]
        first = 0 if rng.random() < 0.4 else rng.randint(0, len(clip) - FRAMES)
        top, left = (8 * rng.randint(0, (size - CROP) // 8) for size in clip.shape[1:3])
        crop[:] = clip[first : first + FRAMES, top : top + CROP, left : left + CROP]
    crops = torch.from_numpy(pixels).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    return crops.flip(-1) if rng.random() < 0.5 else crops


def reconstruction_loss(difference: Tensor) -> Tensor:
    """Absolute and squared error, and the error of the differences between neighbours in space and time."""
    across = difference.diff(dim=-1).abs().mean()
    down = difference.diff(dim=-2).abs().mean()
    in_time = difference.diff(dim=-3).abs().mean()
    return difference.abs().mean() + 2 * difference.square().mean() + 0.5 * (across + down) + 0.2 * in_time


def train_step(model: WholeClipVae, pixels: Tensor, bfloat16: bool) -> tuple[Tensor, Tensor]:
    """Loss, mean squared error."""
    with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        mean, log_variance = (moment.float() for moment in model.encode(pixels))
        log_variance = log_variance.clamp(-12, 4)
        decoded = model.decode(mean + torch.randn_like(mean) * (log_variance / 2).exp())
    difference = decoded.float() - pixels
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = reconstruction_loss(difference) + 1e-4 * divergence
    return loss, difference.detach().square().mean()


def make_optimizers(vae: AutoencoderKLWan) -> list[torch.optim.Optimizer]:
    """Muon for convolutions (2.5 times fewer steps than AdamW), AdamW for the rest."""
    kernels = [weight for weight in vae.parameters() if weight.dim() >= 4 and weight.numel() > 256]
    kernel_ids = {id(weight) for weight in kernels}
    rest = [weight for weight in vae.parameters() if id(weight) not in kernel_ids]
    return [Muon(kernels, lr=15e-3), torch.optim.AdamW(rest, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)]


def learning_rate(step: int, steps: int) -> float:
    """As a share of the full rate: a short rise, then half a cosine down to 3 %."""
    rise = min(1.0, (step + 1) / WARM_UP)
    return rise * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--steps", type=int, help="in all (the preset's)")
    parser.add_argument("--batch", type=int, help="crops a step (the preset's)")
    parser.add_argument("--bfloat16", action="store_true", help="for GPUs, and CPUs with AMX")
    parser.add_argument("--save-seconds", type=float, default=120, help="between two states (%(default)s)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    options = parser.parse_args()
    workspace, preset = start(options)
    steps, batch = options.steps or preset.schedule.vae_steps, options.batch or preset.schedule.vae_batch
    clips = workspace.load_clips()
    torch.manual_seed(SEED)
    vae = make_vae(preset)
    if options.init:
        vae.load_state_dict(AutoencoderKLWan.from_pretrained(options.init, subfolder="vae").state_dict())
    vae.to(options.device)
    model, optimizers, log, first = WholeClipVae(vae), make_optimizers(vae), Log(every=25, memory=0.95), 0
    run = Run(workspace.vae, optimizers, options.save_seconds)
    if state := run.load(options.device):
        vae.load_state_dict(state["vae"])
        first = state["step"]

    for step in range(first, steps):
        rng = seed_step(SEED, step)
        set_learning_rate(optimizers, learning_rate(step, steps))
        loss, error = train_step(model, random_crops(clips, batch, rng, options.device), options.bfloat16)
        vae.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        log.add(error)
        log.write(step, lambda error: f"PSNR {-10 * math.log10(error / 4):.2f} dB")
        if run.is_due or step + 1 == steps:
            run.save(step + 1, vae=vae.state_dict())


if __name__ == "__main__":
    main()
