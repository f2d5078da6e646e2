#!/usr/bin/env python3
"""Trains the judge's networks, a third of the clips as the VAE shows them, and exports them to ONNX.

What is trained already is not trained again."""

import argparse
import multiprocessing
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from torch import Tensor, nn

import judge_data
from judge import NETWORKS as SHIPPED
from judge_data import COLOR_CLASSES, EVERY, FRAMES, LABEL_SIZE, LOOKS, SIZE, UNKNOWN
from judge_networks import Segmenter, Shaper, Surroundings, export
from muon import Muon
from training import Log, seed_step, set_learning_rate
from whole_clip_vae import WholeClipVae

VAE = Path(__file__).parents[2] / "models/tiny-world/vae"
KEPT = FRAMES // EVERY + 1
DECODED = 3  # each so many clips are seen through the VAE
SEEN_PIXELS = 10


class Clips:
    """Labelled clips, each so many of their frames. Made once and kept in the folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        path = options.work / f"judge-{options.clips}.npz"
        if not path.exists():
            options.work.mkdir(parents=True, exist_ok=True)
            make_clips(path, options)
        data = np.load(path)
        self.frames, self.colors, self.shapes, self.scenes, self.cameras = (
            torch.from_numpy(data[name]).to(options.device)
            for name in ("frames", "colors", "shapes", "scenes", "cameras")
        )
        self.subjects = self._find_subjects()
        self.found = self.colors  # of each pixel the color that a segmenter sees; the true one until there is one

    @torch.inference_mode()
    def segment(self, segmenter: Segmenter) -> None:
        batches = self.frames.flatten(0, 1).split(16)
        found = torch.cat([segmenter(pixels(frames)).argmax(dim=1).to(torch.uint8) for frames in batches])
        self.found = found.view_as(self.colors).clone()

    def _find_subjects(self) -> Tensor:
        """[n, 3]: clip, frame and color of all that is large enough to have a shape."""
        areas = torch.stack([(self.colors == color).sum(dim=(2, 3)) for color in range(1, len(COLOR_CLASSES))], dim=2)
        found = (areas >= SEEN_PIXELS).nonzero()
        found[:, 2] += 1
        return found


def make_clip(index: int) -> judge_data.LabelledClip:
    torch.set_num_threads(1)
    return judge_data.sample_clip(random.Random(f"judge {index}"), every=1 if index % DECODED == 0 else EVERY)


def make_clips(path: Path, options: argparse.Namespace) -> None:
    """Some of them as the VAE shows them."""
    count, vae = options.clips, load_vae(options.vae, options.device)
    frames = np.zeros((count, KEPT, SIZE, SIZE, 3), np.uint8)
    colors, shapes = (np.zeros((count, KEPT, LABEL_SIZE, LABEL_SIZE), np.uint8) for _ in range(2))
    scenes, cameras = (np.zeros(count, np.int64) for _ in range(2))
    with multiprocessing.get_context("spawn").Pool(options.threads) as workers:  # CUDA does not survive a fork
        for index, clip in enumerate(workers.imap(make_clip, range(count))):
            seen = through_vae(vae, clip.frames) if index % DECODED == 0 else clip.frames
            frames[index], colors[index], shapes[index] = (a[::EVERY] for a in (seen, clip.colors, clip.shapes))
            scenes[index], cameras[index] = clip.scene, clip.camera
            if index % 100 == 0:
                print(f"clip {index} of {count}", flush=True)
    np.savez(path, frames=frames, colors=colors, shapes=shapes, scenes=scenes, cameras=cameras)


@torch.inference_mode()
def through_vae(vae: WholeClipVae, frames: np.ndarray) -> np.ndarray:
    """[T, 128, 128, 3] uint8, encoded and decoded."""
    pixels = torch.from_numpy(frames).to(vae.vae.device).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    seen = vae.decode(vae.encode(pixels)[0])[0].permute(1, 2, 3, 0)
    return ((seen.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def load_vae(folder: Path, device: str = "cpu") -> WholeClipVae:
    return WholeClipVae(AutoencoderKLWan.from_pretrained(folder, torch_dtype=torch.float32).eval().to(device))


def disturb(frames: Tensor, rng: random.Random) -> Tensor:
    """What codecs and decoders do: [B, C, H, W] in -1 to 1, the same for all frames of an example."""
    batch = len(frames)
    contrast, brightness = 1 + 0.08 * torch.randn(batch, 1, 1, 1), 0.05 * torch.randn(batch, 1, 1, 1)
    tint = (0.04 * torch.randn(batch, 3, 1, 1)).repeat(1, frames.size(1) // 3, 1, 1)
    frames = frames * contrast.to(frames.device) + (brightness + tint).to(frames.device)
    if rng.random() < 0.3:
        frames = F.avg_pool2d(F.pad(frames, (1, 1, 1, 1), mode="replicate"), 3, 1)
    if rng.random() < 0.3:  # color at half the resolution, as in 4:2:0
        gray = frames.unflatten(1, (-1, 3)).mean(dim=2, keepdim=True)
        tints = (frames.unflatten(1, (-1, 3)) - gray).flatten(1, 2)
        tints = F.interpolate(F.avg_pool2d(tints, 2), scale_factor=2, mode="bilinear")
        frames = (gray + tints.unflatten(1, (-1, 3))).flatten(1, 2)
    return (frames + rng.choice([0, 0.02, 0.05]) * torch.randn_like(frames)).clamp(-1.05, 1.05)


def pixels(frames: Tensor) -> Tensor:
    """[..., H, W, 3] uint8 → [..., 3, H, W] in -1 to 1."""
    return frames.movedim(-1, -3).float() / 127.5 - 1


def segmenter_loss(network: Segmenter, clips: Clips, batch: int, rng: random.Random) -> Tensor:
    clip, frame = torch.randint(len(clips.frames), (batch,)), torch.randint(KEPT, (batch,))
    colors = network(disturb(pixels(clips.frames[clip, frame]), rng))
    wanted = clips.colors[clip, frame].long()
    weight = 1.0 + 3.0 * (wanted > 0)  # most pixels are background
    return (F.cross_entropy(colors, wanted, reduction="none") * weight).mean()


def shaper_loss(network: Shaper, clips: Clips, batch: int, rng: random.Random) -> Tensor:
    """Half of the masks are the segmenter's, which is what a judge has; a decoder blurs the edge that it goes by."""
    clip, frame, color = clips.subjects[torch.randint(len(clips.subjects), (4 * batch,))].unbind(dim=1)
    true_masks = clips.colors[clip, frame] == color[:, None, None]
    wanted = torch.where(true_masks, clips.shapes[clip, frame], 0).amax(dim=(1, 2)).long() - 1
    grown = F.max_pool2d(true_masks[:, None].float(), 3, 1, 1)[:, 0] > 0.5
    shrunk = F.max_pool2d(1 - true_masks[:, None].float(), 3, 1, 1)[:, 0] < 0.5
    flips = (torch.rand(true_masks.shape) < 0.15 * torch.rand(len(wanted), 1, 1)).to(wanted.device)
    masks = true_masks ^ (flips & (grown ^ shrunk))
    found = clips.found[clip, frame] == color[:, None, None]
    takes_found = (torch.rand(len(wanted)) < 0.6).to(wanted.device) & (found.sum(dim=(1, 2)) >= SEEN_PIXELS)
    masks = torch.where(takes_found[:, None, None], found, masks)
    seen = torch.where(takes_found[:, None, None], clips.found[clip, frame], clips.colors[clip, frame])
    others = (seen > 0) & (seen != color[:, None, None])
    frames = disturb(pixels(clips.frames[clip, frame]), rng)
    return F.cross_entropy(network(frames, masks.float(), others.float()), wanted)


def surroundings_loss(network: Surroundings, clips: Clips, batch: int, rng: random.Random) -> Tensor:
    clip, frame = torch.randint(len(clips.frames), (2 * batch,)), torch.randint(max(LOOKS), KEPT, (2 * batch,))
    looks = torch.cat([F.avg_pool2d(pixels(clips.frames[clip, frame - ago]), 2) for ago in LOOKS], dim=1)
    subjects = torch.stack([clips.found[clip, frame - ago] > 0 for ago in LOOKS], dim=1).float()
    scenes, cameras = network(disturb(looks, rng).unflatten(1, (len(LOOKS), 3)), subjects)
    wanted = clips.cameras[clip]
    known = wanted != UNKNOWN
    return F.cross_entropy(scenes, clips.scenes[clip]) + F.cross_entropy(cameras[known], wanted[known])


NETWORKS: dict[str, tuple[type[nn.Module], Callable]] = {
    "segmenter": (Segmenter, segmenter_loss),  # the others go by what it finds
    "shaper": (Shaper, shaper_loss), "surroundings": (Surroundings, surroundings_loss),
}  # fmt: skip


def train(network: nn.Module, loss_of: Callable, clips: Clips, steps: int, batch: int, seed: int) -> None:
    """Falling rates from the first step on."""
    print(type(network).__name__, flush=True)
    network.train()
    named = dict(network.named_parameters())
    matrices = [named[name] for name in named if named[name].dim() == 4 and "head" not in name]
    others = [named[name] for name in named if named[name].dim() != 4 or "head" in name]
    optimizers = [Muon(matrices, lr=0.02), torch.optim.AdamW(others, lr=4e-3, weight_decay=1e-4)]
    log = Log(every=50, memory=0.95)
    for step in range(steps):
        rng = seed_step(seed, step)
        set_learning_rate(optimizers, min(1.0, (step + 1) / 30) * (1 - step / steps))
        network.zero_grad()
        loss = loss_of(network, clips, batch, rng)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        log.add(loss)
        log.write(step, lambda loss: f"loss {loss:.4f}")
    network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/judge"), help="folder of the clips (%(default)s)")
    parser.add_argument("--clips", type=int, default=1200, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=1000, help="of each network (%(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--again", nargs="*", choices=NETWORKS, default=[], help="networks to train anew")
    parser.add_argument("--vae", type=Path, default=VAE, help="that some clips are seen through (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="(%(default)s)")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder of the ONNX files (%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clips = Clips(options)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed, (name, (make, loss_of)) in enumerate(NETWORKS.items(), start=1):
        torch.manual_seed(seed)
        network, state = make().to(options.device, memory_format=torch.channels_last), options.work / f"{name}.pt"
        if state.exists() and name not in options.again:
            network.load_state_dict(torch.load(state, weights_only=True))
        else:
            train(network, loss_of, clips, options.steps, options.batch, seed)
            torch.save(network.state_dict(), state)
        if name == "segmenter":
            clips.segment(network.eval())
        export(network, options.out / f"{name}.onnx")


if __name__ == "__main__":
    main()
