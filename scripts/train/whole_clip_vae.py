"""AutoencoderKLWan over a whole clip in one pass, for training; equal to its chunked, cached pass (check_forward.py).

The published class goes through a clip four frames at a time and keeps the tails of its convolutions. All its layers
but the resamplers do the same on a whole clip when they are given no cache: they are causal. The resamplers skip the
convolution over time then, so they are replaced here.
"""

from types import MethodType

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as published
from torch import Tensor


def resample(self: published.WanResample, x: Tensor, feat_cache: None = None, feat_idx: None = None) -> Tensor:
    """Takes the place of WanResample.forward. x: [B, C, T, H, W]; the first frame has no partner in time."""
    if self.mode == "upsample3d" and x.shape[2] > 1:
        first, rest = x[:, :, :1], x[:, :, 1:]
        pairs = self.time_conv(rest).unflatten(1, (2, -1))  # [B, 2, C, T-1, H, W]
        x = torch.cat([first, torch.stack(pairs.unbind(1), dim=3).flatten(2, 3)], dim=2)  # [B, C, 2T-1, H, W]
    convolution = self.resample[1]
    weight = convolution.weight.unsqueeze(2)
    # As a convolution over volumes: no copy of the clip into a batch of pictures and back.
    if self.mode.startswith("upsample"):
        x = F.interpolate(x, scale_factor=(1.0, 2.0, 2.0), mode="nearest-exact")
        return F.conv3d(x, weight, convolution.bias, padding=(0, 1, 1))
    x = F.conv3d(F.pad(x, (0, 1, 0, 1)), weight, convolution.bias, stride=(1, 2, 2))
    if self.mode == "downsample3d" and x.shape[2] > 1:
        x = torch.cat([x[:, :, :1], self.time_conv(x)], dim=2)
    return x


def convolve(self: published.WanCausalConv3d, x: Tensor) -> Tensor:
    """Takes the place of WanCausalConv3d.forward. A picture has no past: a third of the kernel is enough for it."""
    across, down, past = self._padding[0], self._padding[2], self._padding[4]
    if x.shape[2] == 1:
        return F.conv3d(x, self.weight[:, :, -1:], self.bias, padding=(0, down, across))
    return F.conv3d(F.pad(x, (0, 0, 0, 0, past, 0)), self.weight, self.bias, self.stride, padding=(0, down, across))


class WholeClipVae:
    """Encodes and decodes whole clips with the parameters of `vae`, whose own encode and decode stop working."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        self.vae = vae
        for module in vae.modules():
            if isinstance(module, published.WanResample):
                module.forward = MethodType(resample, module)
            elif isinstance(module, published.WanCausalConv3d):
                module.forward = MethodType(convolve, module)
        for parameter in vae.parameters():
            if parameter.dim() == 5:  # twice as fast in convolutions of few channels
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)

    def encode(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, T, H, W] in -1 to 1 → mean and log variance, each [B, z, (T-1)/4+1, H/16, W/16]."""
        patches = published.patchify(pixels, self.vae.config.patch_size)
        moments = self.vae.quant_conv(self.vae.encoder(patches.contiguous(memory_format=torch.channels_last_3d)))
        mean, log_variance = moments.chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        """[B, z, T, h, w], not standardised → [B, 3, 4(T-1)+1, 16h, 16w], not clamped."""
        features = self.vae.post_quant_conv(latents).contiguous(memory_format=torch.channels_last_3d)
        return published.unpatchify(self.vae.decoder(features, first_chunk=True), self.vae.config.patch_size)
