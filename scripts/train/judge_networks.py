"""The judge's two networks: what stands at each pixel of a frame, and which scene and camera three frames show."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from judge_data import CAMERA_CLASSES, COLOR_CLASSES, SCENE_CLASSES, SHAPE_CLASSES


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Segmenter(nn.Module):
    """A small U-Net: [B, 3, 128, 128] in -1 to 1 → logits of colors and of shapes, each [B, classes, 64, 64]."""

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
        self.head = nn.Conv2d(first, len(COLOR_CLASSES) + len(SHAPE_CLASSES), 1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        levels = [self.stem(F.pixel_unshuffle(frames, 2))]
        for down in self.down:
            levels.append(down(levels[-1]))
        features = levels.pop()
        for narrow, up in zip(self.narrow, self.up):
            features = up(F.interpolate(narrow(features), scale_factor=2, mode="bilinear") + levels.pop())
        colors, shapes = self.head(features).split([len(COLOR_CLASSES), len(SHAPE_CLASSES)], dim=1)
        return colors, shapes


class Surroundings(nn.Module):
    """[B, 9, 64, 64]: three frames, each two after the one before → logits of scenes and of cameras."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(block(9, 24, 2), block(24, 32), block(32, 48, 2), block(48, 64, 2), block(64, 64))
        self.head = nn.Linear(2 * 64, len(SCENE_CLASSES) + len(CAMERA_CLASSES))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(frames)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3))], dim=1)
        scenes, cameras = self.head(pooled).split([len(SCENE_CLASSES), len(CAMERA_CLASSES)], dim=1)
        return scenes, cameras
