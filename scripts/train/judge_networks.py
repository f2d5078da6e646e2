"""The judge's three small networks: the color of each pixel's subject, the shape of a subject, and scene and camera."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from judge_data import CAMERA_CLASSES, COLOR_CLASSES, EVERY, SCENE_CLASSES, SHAPE_CLASSES
from world import FPS, PAN_SPEED

CROP = 40
CROP_REACH = 2.1  # half of a crop's side, in radii of the disc of the mask's area
GAPS = (EVERY / FPS, 2 * EVERY / FPS)  # seconds of the world's time between two of the three frames that the surroundings are seen in
FALL = 0.8  # of snow, as PAN_SPEED
ZOOM_STEP = 0.08  # per second


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Segmenter(nn.Module):
    """A small U-Net: [B, 3, 128, 128] in -1 to 1 → logits of colors, [B, colors, 64, 64]."""

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
    """[B, 4, 40, 40] of `crop_subjects` → logits of shapes, "none" not among them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block(4, 24), block(24, 32, 2), block(32, 32), block(32, 48, 2), block(48, 64, 2), block(64, 64)
        )
        self.head = nn.Linear(64, len(SHAPE_CLASSES) - 1)

    def forward(self, crops: Tensor) -> Tensor:
        return self.head(self.body(crops).mean(dim=(2, 3)))


def crop_subjects(frames: Tensor, masks: Tensor) -> Tensor:
    """[B, 3, 128, 128] and [B, 64, 64] → [B, 4, 40, 40]: colors and mask around each mask, all of one size."""
    count, side = len(masks), masks.size(-1)
    places = (torch.arange(side, device=masks.device) + 0.5) / side * 2 - 1
    area = masks.sum(dim=(1, 2)).clamp_min(1)
    center_x = (masks.sum(dim=1) * places).sum(dim=1) / area
    center_y = (masks.sum(dim=2) * places).sum(dim=1) / area
    reach = CROP_REACH * (area / torch.pi).sqrt() * 2 / side
    affine = torch.zeros(count, 2, 3, device=masks.device)
    affine[:, 0, 0], affine[:, 1, 1], affine[:, 0, 2], affine[:, 1, 2] = reach, reach, center_x, center_y
    grid = F.affine_grid(affine, [count, 1, CROP, CROP], align_corners=False)
    colors = F.grid_sample(frames, grid, padding_mode="border", align_corners=False)
    inside = F.grid_sample(masks[:, None].float(), grid, align_corners=False)
    return torch.cat([colors, 2 * inside - 1], dim=1)


class Surroundings(nn.Module):
    """[B, 19, 64, 64] of `compare` → logits of scenes and of cameras."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 3 + len(GAPS) * len(hypotheses(1.0))
        self.body = nn.Sequential(
            block(inputs, 24, 2), block(24, 32), block(32, 48, 2), block(48, 64, 2), block(64, 64)
        )
        self.head = nn.Linear(2 * 64, len(SCENE_CLASSES) + len(CAMERA_CLASSES))

    def forward(self, compared: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(compared)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        scenes, cameras = self.head(pooled).split([len(SCENE_CLASSES), len(CAMERA_CLASSES)], dim=1)
        return scenes, cameras


def hypotheses(seconds: float) -> list[tuple[float, float, float]]:
    """Where a pixel was before: to the right, below, times its place. Panning and falling, and zooming."""
    across = [speed * seconds for speed in PAN_SPEED.values()]
    moves = [(x, -y * seconds, 1.0) for y in (0.0, FALL) for x in across]
    return moves + [(0.0, 0.0, 1 - ZOOM_STEP * seconds), (0.0, 0.0, 1 + ZOOM_STEP * seconds)]


def compare(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    """Three frames [B, 3, 64, 64] → the second, and how much the third differs from each guess made of the others."""
    parts = [second]
    for earlier, seconds in zip((second, first), GAPS):
        moves = [[[scale, 0.0, right], [0.0, scale, down]] for right, down, scale in hypotheses(seconds)]
        for affine in torch.tensor(moves, device=first.device):
            grid = F.affine_grid(affine.expand(len(first), 2, 3), list(first.shape), align_corners=False)
            guess = F.grid_sample(earlier, grid, padding_mode="border", align_corners=False)
            parts.append(4 * (third - guess).abs().mean(dim=1, keepdim=True))
    return torch.cat(parts, dim=1)
