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
from training import Log, load_state, save_state, seed_step, set_learning_rate
from whole_clip_vae import WholeClipVae
from workspace import argument_parser, start

FRAMES = 17  # trained on 9 frames, a VAE falls apart from frame 10 on
CROP = 64
SEED = 0
WARM_UP = 60


def random_crops(clips: np.ndarray, batch: int, rng: random.Random) -> Tensor:
    """[B, 3, 17, 64, 64] in -1 to 1, mirrored half of the time."""
    chosen = sorted(rng.randrange(len(clips)) for _ in range(batch))
    spare = clips.shape[1] - FRAMES
    first = 0 if rng.random() < 0.4 else 8 * rng.randint(0, spare // 8)
    top, left = 16 * rng.randint(0, 4), 16 * rng.randint(0, 4)
    pixels = clips[chosen, first : first + FRAMES, top : top + CROP, left : left + CROP]
    crops = torch.from_numpy(pixels).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    return crops.flip(-1) if rng.random() < 0.5 else crops


def reconstruction_loss(difference: Tensor) -> Tensor:
    """Absolute and squared error, and the error of the differences between neighbours in space and time."""
    across = difference.diff(dim=-1).abs().mean()
    down = difference.diff(dim=-2).abs().mean()
    in_time = difference.diff(dim=-3).abs().mean()
    return difference.abs().mean() + 2 * difference.square().mean() + 0.5 * (across + down) + 0.2 * in_time


def train_step(model: WholeClipVae, pixels: Tensor, bfloat16: bool) -> tuple[Tensor, float, float]:
    """Loss, mean squared error, divergence from a normal distribution."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        mean, log_variance = (moment.float() for moment in model.encode(pixels))
        log_variance = log_variance.clamp(-12, 4)
        decoded = model.decode(mean + torch.randn_like(mean) * (log_variance / 2).exp())
    difference = decoded.float() - pixels
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = reconstruction_loss(difference) + 1e-4 * divergence
    return loss, float(difference.detach().square().mean()), float(divergence.detach())


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
    parser.add_argument("--steps", type=int, default=4000, help="in all (%(default)s)")
    parser.add_argument("--batch", type=int, default=4, help="crops a step (%(default)s)")
    parser.add_argument("--bfloat16", action="store_true", help="for CPUs with AMX")
    parser.add_argument("--save-every", type=int, default=200, help="steps (%(default)s)")
    parser.add_argument("--init", type=Path, help="checkpoint folder to start from")
    options = parser.parse_args()
    workspace, preset = start(options)
    clips = workspace.load_clips()
    torch.manual_seed(SEED)
    vae = make_vae(preset)
    if options.init:
        vae.load_state_dict(AutoencoderKLWan.from_pretrained(options.init, subfolder="vae").state_dict())
    model, optimizers, log, first = WholeClipVae(vae), make_optimizers(vae), Log(every=25, memory=0.95), 0
    if workspace.vae.exists():
        state = load_state(workspace.vae, optimizers)
        vae.load_state_dict(state["vae"])
        first = state["step"]

    for step in range(first, options.steps):
        rng = seed_step(SEED, step)
        set_learning_rate(optimizers, learning_rate(step, options.steps))
        loss, error, divergence = train_step(model, random_crops(clips, options.batch, rng), options.bfloat16)
        vae.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        quality = -10 * math.log10(log.smooth(error) / 4)
        log.write(step, f"PSNR {quality:.2f} dB, divergence {divergence:.2f}")
        if (step + 1) % options.save_every == 0 or step + 1 == options.steps:
            save_state(workspace.vae, step + 1, optimizers, vae=vae.state_dict())


if __name__ == "__main__":
    main()
