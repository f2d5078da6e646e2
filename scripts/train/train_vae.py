#!/usr/bin/env python3
"""Trains the VAE on crops of pictures, then of clips. Killed, it goes on from the last state; --init starts from a checkpoint."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from inflate_vae import StillShortcuts, inflate
from muon import Muon
from networks import make_vae
from training import Length, Log, Run, add_training_options, phase, seed_step, set_learning_rate
from whole_clip_vae import WholeClipVae
from workspace import Workspace, argument_parser, start

SEED = 0
WARM_UP = 60


@dataclass(frozen=True)
class Crop:
    frames: int
    side: int

    @property
    def pixels(self) -> int:
        return self.frames * self.side**2


# What a step's crops are, from which share of the run on. Pictures teach edges and colors at a small part of the cost, in
# every step many; then the VAE is inflated. Trained on 9 frames, it falls apart from frame 10 on.
CROPS = {0.0: Crop(1, 64), 0.3: Crop(9, 64), 0.7: Crop(17, 64)}


def load_clips(workspace: Workspace, count: int, device: str) -> Tensor:
    """The first so many, [n, T, H, W, 3] uint8: not all, so that the others can be rendered meanwhile. A GPU has room
    for them; on a CPU they stay mapped from the file."""
    clips = workspace.clips.load_pixels()
    count = min(count, len(np.load(workspace.clips.pixels, mmap_mode="r")))
    if len(clips) < count:
        raise SystemExit(f"{workspace.clips.pixels} holds {len(clips)} of the {count} clips needed: run make_clips.py first")
    return torch.from_numpy(clips[:count]).to(device)


def draw_crops(clips: Tensor, batch: int, crop: Crop) -> Tensor:
    """[B, T, side, side, 3] uint8. Drawn and cut where the clips are: one crop after the other, a GPU would wait for them
    longer than it learns from them."""
    device, (count, frames, height, width, _) = clips.device, clips.shape
    clip = torch.randint(count, (batch,), device=device)
    first = torch.randint(frames - crop.frames + 1, (batch,), device=device) * (torch.rand(batch, device=device) >= 0.4)
    top, left = (8 * torch.randint((size - crop.side) // 8 + 1, (batch,), device=device) for size in (height, width))
    moment = first[:, None] + torch.arange(crop.frames, device=device)
    row, column = (begin[:, None] + torch.arange(crop.side, device=device) for begin in (top, left))
    return clips[clip[:, None, None, None], moment[:, :, None, None], row[:, None, :, None], column[:, None, None]]


def random_crops(clips: Tensor, batch: int, crop: Crop, rng: random.Random) -> Tensor:
    """[B, 3, T, side, side] in -1 to 1, mirrored half of the time. Of each two crops of clips the one in which more moves:
    what stands still is known from pictures."""
    if crop.frames == 1:
        crops = draw_crops(clips, batch, crop)
    else:
        pairs = draw_crops(clips, 2 * batch, crop).unflatten(0, (batch, 2))
        change = pairs.float().diff(dim=2).abs().mean(dim=(2, 3, 4, 5))  # [B, 2]
        crops = pairs[torch.arange(batch, device=pairs.device), change.argmax(dim=1)]
    crops = crops.permute(0, 4, 1, 2, 3).float() / 127.5 - 1
    return crops.flip(-1) if rng.random() < 0.5 else crops


def reconstruction_loss(difference: Tensor) -> Tensor:
    """Absolute and squared error, and the error of the differences between neighbours in space and time."""
    across = difference.diff(dim=-1).abs().mean()
    down = difference.diff(dim=-2).abs().mean()
    in_time = difference.diff(dim=-3).abs().mean(dim=(0, 1, 3, 4))  # of each step from frame to frame
    at_border = in_time[::4]  # from one latent frame's frames to the next one's: flicker is seen there first
    flicker = 0.2 * in_time.mean() + 0.3 * at_border.mean() if len(in_time) else 0.0
    return difference.abs().mean() + 2 * difference.square().mean() + 0.5 * (across + down) + flicker


def train_step(encode: Callable, decode: Callable, pixels: Tensor, bfloat16: bool) -> tuple[Tensor, Tensor]:
    """Loss, mean squared error."""
    with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        mean, log_variance = (moment.float() for moment in encode(pixels))
        log_variance = log_variance.clamp(-12, 4)
        decoded = decode(mean + torch.randn_like(mean) * (log_variance / 2).exp())
    difference = decoded.float() - pixels
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = reconstruction_loss(difference) + 1e-4 * divergence
    return loss, difference.detach().square().mean()


def make_optimizers(vae: AutoencoderKLWan) -> list[torch.optim.Optimizer]:
    """Muon for convolutions (2.5 times fewer steps than AdamW), AdamW for the rest."""
    kernels = [weight for weight in vae.parameters() if weight.dim() >= 4 and weight.numel() > 256]
    kernel_ids = {id(weight) for weight in kernels}
    rest = [weight for weight in vae.parameters() if id(weight) not in kernel_ids]
    return [Muon(kernels, lr=8e-3), torch.optim.AdamW(rest, lr=8e-4, betas=(0.9, 0.98), weight_decay=0.0)]


def learning_rate(step: int, share: float) -> float:
    """As a share of the full rate: a short rise, then half a cosine down to 3 %."""
    rise = min(1.0, (step + 1) / WARM_UP)
    return rise * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * share)))


def main() -> None:
    parser = argument_parser(__doc__)
    add_training_options(parser, batch_of="pixels, of all crops and frames,")
    options = parser.parse_args()
    workspace, preset = start(options)
    length = Length(options.steps or preset.schedule.vae_steps, options.seconds)
    batch = options.batch or preset.schedule.vae_batch
    clips = load_clips(workspace, preset.schedule.vae_clips, options.device)
    torch.manual_seed(SEED)
    vae = make_vae(preset)
    if options.init:
        vae.load_state_dict(AutoencoderKLWan.from_pretrained(options.init, subfolder="vae").state_dict())
    vae.to(options.device)
    model, optimizers, log, step = WholeClipVae(vae), make_optimizers(vae), Log(every=25, memory=0.95), 0
    encode, decode = model.encode, model.decode
    if options.compile:
        encode, decode = (torch.compile(half, dynamic=False) for half in (encode, decode))
    run = Run(workspace.vae, optimizers, options.save_seconds)
    shortcuts, is_inflated = StillShortcuts(vae), bool(options.init)
    if state := run.load():
        vae.load_state_dict(state["vae"])
        step, is_inflated = state["step"], state["is_inflated"]

    while (share := length.share(step, run)) < 1:
        rng = seed_step(SEED, step)
        set_learning_rate(optimizers, learning_rate(step, share))
        crop = phase(CROPS, share)
        if crop.frames > 1 and not is_inflated:
            inflate(vae)
            is_inflated = True
        shortcuts.is_first = step % 2 == 0
        crops = random_crops(clips, max(1, round(batch / crop.pixels)), crop, rng)
        loss, error = train_step(encode, decode, crops, options.bfloat16)
        vae.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        log.add(error)
        log.write(step, lambda error: f"PSNR {-10 * math.log10(error / 4):.2f} dB")
        step += 1
        if run.is_due:
            run.save(step, vae=vae.state_dict(), is_inflated=is_inflated)
    run.save(step, vae=vae.state_dict(), is_inflated=is_inflated)


if __name__ == "__main__":
    main()
