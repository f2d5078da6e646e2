"""The judge's three small networks: the color of each pixel's subject, the shape of a subject, and scene and camera.

They are trained here and run from ONNX files, so that judging needs no PyTorch.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from judge_data import CAMERA_CLASSES, COLOR_CLASSES, EVERY, LABEL_SIZE, LOOKS, SCENE_CLASSES, SHAPE_CLASSES, SIZE
from world import FPS, PAN_SPEED

CROP = 40
CROP_REACH = 2.1  # half of a crop's side, in radii of the disc of the mask's area
FALL = 0.8  # of snow, as PAN_SPEED
ZOOM_STEP = 0.08  # per second
BLUR = 7  # pixels across, in finding edges
OPSET = 17


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Segmenter(nn.Module):
    """A small U-Net: frames [B, 3, 128, 128] in -1 to 1 → logits of colors, [B, colors, 64, 64]."""

    WIDTHS = (24, 40, 64, 80)

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = self.WIDTHS
        self.stem = nn.Sequential(block(12, first), block(first, first))
        self.down = nn.ModuleList(
            nn.Sequential(block(inputs, outputs, 2), block(outputs, outputs))
            for inputs, outputs in zip(self.WIDTHS, self.WIDTHS[1:])
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1) for inputs, outputs in [(last, third), (third, second), (second, first)]
        )
        self.up = nn.ModuleList(block(width, width) for width in (third, second, first))
        self.head = nn.Conv2d(first, len(COLOR_CLASSES), 1)

    def forward(self, frames: Tensor) -> Tensor:
        levels = [self.stem(F.pixel_unshuffle(frames, 2))]
        for down in self.down:
            levels.append(down(levels[-1]))
        features = levels.pop()
        for narrow, up in zip(self.narrow, self.up):
            features = up(F.interpolate(narrow(features), scale_factor=2, mode="bilinear") + levels.pop())
        return self.head(features)


class Shaper(nn.Module):
    """Frames [B, 3, 128, 128] in -1 to 1, a mask of one subject and one of all others, which may hide it, [B, 64, 64]
    each → logits of shapes, "none" not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block(5, 24), block(24, 32, 2), block(32, 32), block(32, 48, 2), block(48, 64, 2), block(64, 64)
        )
        self.head = nn.Linear(64, len(SHAPE_CLASSES) - 1)

    def forward(self, frames: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        return self.head(self.body(crop_subjects(frames, masks, others)).mean(dim=(2, 3)))


def grid_of(side: int, device: torch.device) -> Tensor:
    """[side, side, 2]: x and y of the pixels of a picture."""
    places = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
    return torch.stack([places.expand(side, side), places[:, None].expand(side, side)], dim=-1)


def crop_subjects(frames: Tensor, masks: Tensor, others: Tensor) -> Tensor:
    """[B, 5, 40, 40]: colors, mask and the others' mask around each mask, all of one size."""
    x, y = grid_of(LABEL_SIZE, masks.device).unbind(-1)
    area = masks.sum(dim=(1, 2)).clamp_min(1)
    center = torch.stack([(masks * x).sum(dim=(1, 2)), (masks * y).sum(dim=(1, 2))], dim=1) / area[:, None]
    reach = CROP_REACH * (area / torch.pi).sqrt() * 2 / LABEL_SIZE
    grid = center[:, None, None] + reach[:, None, None, None] * grid_of(CROP, masks.device)
    colors = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
    inside = F.grid_sample(torch.stack([masks, others], dim=1), grid, align_corners=False)
    return torch.cat([colors, 2 * inside - 1], dim=1)


class Surroundings(nn.Module):
    """Looks [B, LOOKS, 3, 64, 64], the last one now, and where subjects are, [B, LOOKS, 64, 64] → logits of scenes and of
    cameras. Subjects move as they like, so they are left out when a camera's moves are looked for."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 7 + (len(LOOKS) - 1) * len(hypotheses(1.0))
        self.body = nn.Sequential(
            block(inputs, 24, 2), block(24, 32), block(32, 48, 2), block(48, 64, 2), block(64, 64)
        )
        self.head = nn.Linear(2 * 64, len(SCENE_CLASSES) + len(CAMERA_CLASSES))

    def forward(self, looks: Tensor, subjects: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(compare(looks, subjects))
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        scenes, cameras = self.head(pooled).split([len(SCENE_CLASSES), len(CAMERA_CLASSES)], dim=1)
        return scenes, cameras


def hypotheses(seconds: float) -> list[tuple[float, float, float]]:
    """Where a pixel was before: to the right, below, times its place. Panning, also over waves that go along, and falling, and
    zooming."""
    across = [speed * seconds for speed in PAN_SPEED.values()]
    moves = [(x, 0.0, 1.0) for x in across + [2 * x for x in across if x]] + [(x, -FALL * seconds, 1.0) for x in across]
    return moves + [(0.0, 0.0, 1 - ZOOM_STEP * seconds), (0.0, 0.0, 1 + ZOOM_STEP * seconds)]


def compare(looks: Tensor, subjects: Tensor) -> Tensor:
    """The last look, what is seen of it behind the subjects, how a glow has changed since the first one, and how much the edges
    differ from each guess made of the others: [B, 7 + guesses, 64, 64]. Only edges are compared: when night falls, all grows dark
    and nothing moves."""
    now = looks[:, -1]
    soft = [F.avg_pool2d(look, BLUR, 1, BLUR // 2, count_include_pad=False) for look in looks.unbind(1)]
    edges = [look - without_edges for look, without_edges in zip(looks.unbind(1), soft)]
    behind = (1 - F.max_pool2d(subjects, BLUR, 1, BLUR // 2)).unbind(1)  # no edge there has anything of a subject
    glow = 4 * (soft[-1] - soft[0]) * (behind[0] * behind[-1])[:, None]
    places, parts = grid_of(now.shape[-1], now.device), [now, behind[-1][:, None], glow]
    for number, ago in enumerate(LOOKS[:-1]):
        earlier = torch.cat([edges[number], behind[number][:, None]], dim=1)
        for right, down, scale in hypotheses(ago * EVERY / FPS):
            grid = places * scale + torch.tensor([right, down], device=now.device)
            guess = F.grid_sample(earlier, grid.expand(now.shape[0], -1, -1, -1), padding_mode="border", align_corners=False)
            difference = (edges[-1] - guess[:, :-1]).abs().mean(dim=1, keepdim=True)
            parts.append(4 * difference * guess[:, -1:] * behind[-1][:, None])
    return torch.cat(parts, dim=1)


def examples(count: int) -> dict[type[nn.Module], tuple[Tensor, ...]]:
    """What each network takes, in a batch of so many."""
    frames, masks = torch.rand(count, 3, SIZE, SIZE) * 2 - 1, (torch.rand(2, count, LABEL_SIZE, LABEL_SIZE) < 0.2).float()
    looks = torch.rand(count, len(LOOKS), 3, LABEL_SIZE, LABEL_SIZE) * 2 - 1
    subjects = (torch.rand(count, len(LOOKS), LABEL_SIZE, LABEL_SIZE) < 0.2).float()
    return {Segmenter: (frames,), Shaper: (frames, *masks), Surroundings: (looks, subjects)}


def export(network: nn.Module, path: Path) -> None:
    """For any size of batch."""
    inputs = examples(2)[type(network)]
    names = [f"input_{number}" for number in range(len(inputs))]
    torch.onnx.export(
        network.eval().cpu(), inputs, path, input_names=names, dynamic_axes={name: {0: "batch"} for name in names},
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
