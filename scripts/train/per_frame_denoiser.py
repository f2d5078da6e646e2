"""WanTransformer3DModel with one timestep for each latent frame, for training; equal to the published forward pass
with the timestep of its frame at every token (check_forward.py), and cheaper in two ways:

  * modulations are computed once a frame, not once a token;
  * the padding rows of the text are equal after projection, so one row stands for all of them, its score raised by
    the logarithm of their number.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from diffusers import WanTransformer3DModel
from diffusers.models.transformers.transformer_wan import WanAttention, WanTransformerBlock
from torch import Tensor

TEXT_ROWS = 512  # what pipelines pad the text to

Rotary = tuple[Tensor, Tensor]


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """x: [B, tokens, heads, width], pairs of neighbours are coordinates in a plane."""
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = rotary[0][..., 0::2], rotary[1][..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2).type_as(x)


def attention(
    layer: WanAttention, x: Tensor, context: Tensor, bias: Tensor | None = None, rotary: Rotary | None = None
) -> Tensor:
    query, key, value = layer.norm_q(layer.to_q(x)), layer.norm_k(layer.to_k(context)), layer.to_v(context)
    query, key, value = (tensor.unflatten(2, (layer.heads, -1)) for tensor in (query, key, value))
    if rotary is not None:
        query, key = rotate(query, rotary), rotate(key, rotary)
    heads = (tensor.to(value.dtype).transpose(1, 2) for tensor in (query, key, value))
    return layer.to_out[0](F.scaled_dot_product_attention(*heads, attn_mask=bias).transpose(1, 2).flatten(2))


def fold_padding(model: WanTransformer3DModel, text: Tensor, text_rows: Tensor) -> tuple[Tensor, Tensor]:
    """Projected text, its last row for all that are padding, and the bias of the scores: [B, L, D], [B, 1, 1, L]."""
    context = model.condition_embedder.text_embedder(text)
    row, count = torch.arange(text.shape[1], device=text.device)[None], text_rows[:, None]
    of_padding = torch.where(row == text.shape[1] - 1, (TEXT_ROWS - count).float().log(), float("-inf"))
    bias = torch.where(row < count, 0.0, of_padding)
    return context, bias[:, None, None].to(context.dtype)


def transform(
    block: WanTransformerBlock, x: Tensor, modulation: Tensor, context: Tensor, bias: Tensor, rotary: Rotary
) -> Tensor:
    """One block. The residual stream is rounded to the working type after each addition, as published.

    x: [B, T, tokens of a frame, D]; modulation: [B, T, 6, D], of all blocks.
    """
    shape = x.shape
    modulation = (block.scale_shift_table.unsqueeze(0) + modulation).split(1, 2)  # 6 times [B, T, 1, D]
    shift, scale, gate, shift_forward, scale_forward, gate_forward = modulation
    normed = (block.norm1(x.float()) * (1 + scale) + shift).type_as(x).flatten(1, 2)
    x = (x.float() + attention(block.attn1, normed, normed, rotary=rotary).view(shape) * gate).type_as(x)
    query = block.norm2(x.float()).type_as(x).flatten(1, 2)
    x = x + attention(block.attn2, query, context, bias).view(shape)
    normed = (block.norm3(x.float()) * (1 + scale_forward) + shift_forward).type_as(x)
    return (x.float() + block.ffn(normed).float() * gate_forward).type_as(x)


def predict(
    model: WanTransformer3DModel, latents: Tensor, timesteps: Tensor, text: Tensor, text_rows: Tensor,
    transform: Callable[..., Tensor] = transform,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The velocity, shaped as the latents, and the hidden states in the middle, [B, T, tokens of a frame, D].

    latents: [B, C, T, H, W]; timesteps: [B, T] in 0 to 1000; text: [B, L, D], zero from row text_rows[b] on, which is
    less than L; transform: what does one block, compiled or not.
    """
    batch, _, frames, height, width = latents.shape
    _, patch_height, patch_width = model.config.patch_size
    rows, columns = height // patch_height, width // patch_width
    embedder = model.condition_embedder
    time = embedder.timesteps_proj(timesteps.flatten()).view(batch, frames, -1)
    time = embedder.time_embedder(time)  # [B, T, D]
    modulation = embedder.time_proj(embedder.act_fn(time)).unflatten(2, (6, -1)).float()  # [B, T, 6, D]
    context, bias = fold_padding(model, text, text_rows)
    rotary = model.rope(latents)
    x = model.patch_embedding(latents).flatten(3).permute(0, 2, 3, 1).contiguous()  # [B, T, tokens of a frame, D]
    hidden = x
    for number, block in enumerate(model.blocks, start=1):
        x = transform(block, x, modulation, context, bias, rotary)
        if number == len(model.blocks) // 2:
            hidden = x
    shift, scale = (model.scale_shift_table + time.unsqueeze(2)).split(1, 2)
    x = model.proj_out((model.norm_out(x.float()) * (1 + scale) + shift).type_as(x))
    patches = x.view(batch, frames, rows, columns, patch_height, patch_width, -1)
    return patches.permute(0, 6, 1, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4), hidden
