"""From a VAE of pictures to one of clips, as Wan's was made: what it knows of space is kept, and a clip without motion comes
back as well as its picture did.

Pictures cost a seventeenth of clips, and edges and colors can be learned from them.
"""

from functools import partial

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders import autoencoder_kl_wan as published
from torch import Tensor


class StillShortcuts:
    """Shows the encoder's shortcuts, which put frames together by twos, a single picture either as a clip's first one,
    alone, or as one in the middle of a clip without motion, twice. Trained on both, a VAE can be inflated."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        self.is_first = True
        for module in vae.modules():
            if isinstance(module, published.AvgDown3D):
                module.forward = partial(self._shorten, module)

    def _shorten(self, module: published.AvgDown3D, x: Tensor) -> Tensor:
        if x.shape[2] == 1 and not self.is_first:
            x = x.repeat(1, 1, module.factor_t, 1, 1)
        return published.AvgDown3D.forward(module, x)


@torch.no_grad()
def inflate(vae: AutoencoderKLWan) -> None:
    """Convolutions see nothing of the past, two frames become their mean, and one becomes two that are the same."""
    for module in vae.modules():
        if isinstance(module, published.WanCausalConv3d) and module.kernel_size == (3, 3, 3):
            module.weight[:, :, :2].zero_()
        if isinstance(module, published.WanResample) and hasattr(module, "time_conv"):
            weight = module.time_conv.weight.zero_()  # [out, in, 3, 1, 1], the last one is the present
            module.time_conv.bias.zero_()
            identity = torch.eye(weight.shape[1], device=weight.device)
            if module.mode == "downsample3d":
                weight[:, :, 1, 0, 0] = weight[:, :, 2, 0, 0] = identity / 2
            else:
                weight[:, :, 2, 0, 0] = torch.cat([identity, identity])
