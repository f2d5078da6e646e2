"""The networks of the shipped checkpoint and how long they are trained, and tiny ones of the same kind for the smoke
test."""

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

FLOW_SHIFT = 3.0


@dataclass(frozen=True)
class Schedule:
    """How much of what; steps and batches are what the learning rates go by."""

    clips: int
    frames: int  # of each clip, 4n+1
    stills: int  # single pictures: first frames of further clips
    vae_clips: int  # the VAE learns from the first so many
    vae_steps: int
    vae_batch: int  # pixels a step
    text_steps: int
    text_batch: int  # captions a step
    denoiser_steps: int
    denoiser_batch: int  # latent frames a step


@dataclass(frozen=True)
class Preset:
    vae_base: int
    vae_decoder_base: int
    vae_widths: tuple[int, ...]  # of the three levels, in multiples of the base
    latent_channels: int
    heads: int
    head_width: int
    layers: int
    feed_forward: int
    text_width: int
    text_layers: int
    schedule: Schedule


PRESETS = {
    # For two CPU cores and some sessions of hours.
    "tiny-world": Preset(
        vae_base=16, vae_decoder_base=16, vae_widths=(1, 4, 4), latent_channels=16, heads=3, head_width=64, layers=6,
        feed_forward=768, text_width=192, text_layers=2,
        schedule=Schedule(
            clips=4000, frames=41, stills=40_000, vae_clips=2000, vae_steps=3800, vae_batch=100_000, text_steps=1000,
            text_batch=64, denoiser_steps=6000, denoiser_batch=64,
        ),
    ),
    # For one large GPU and half an hour.
    "tiny-world-gpu": Preset(
        vae_base=24, vae_decoder_base=24, vae_widths=(1, 4, 4), latent_channels=16, heads=4, head_width=64, layers=6,
        feed_forward=1024, text_width=192, text_layers=2,
        schedule=Schedule(
            clips=12_000, frames=41, stills=40_000, vae_clips=2000, vae_steps=10_000, vae_batch=2_000_000,
            text_steps=1000, text_batch=256, denoiser_steps=40_000, denoiser_batch=768,
        ),
    ),
    "smoke": Preset(
        vae_base=4, vae_decoder_base=4, vae_widths=(1, 2, 2), latent_channels=8, heads=2, head_width=16, layers=2,
        feed_forward=64, text_width=32, text_layers=1,
        schedule=Schedule(
            clips=6, frames=41, stills=6, vae_clips=3, vae_steps=3, vae_batch=50_000, text_steps=3, text_batch=4,
            denoiser_steps=6, denoiser_batch=18,
        ),
    ),
}  # fmt: skip


def make_vae(
    preset: Preset, latents_mean: list[float] | None = None, latents_std: list[float] | None = None
) -> AutoencoderKLWan:
    """Wan 2.2's residual VAE, but finer: 2 x 2 pixel patches and two halvings make 8 x 8, time is halved twice."""
    channels = preset.latent_channels
    return AutoencoderKLWan(
        base_dim=preset.vae_base, decoder_base_dim=preset.vae_decoder_base, z_dim=channels,
        dim_mult=list(preset.vae_widths), num_res_blocks=1, attn_scales=[], temperal_downsample=[True, True],
        dropout=0.0, is_residual=True, in_channels=12, out_channels=12, patch_size=2, scale_factor_temporal=4,
        scale_factor_spatial=8, latents_mean=latents_mean or [0.0] * channels,
        latents_std=latents_std or [1.0] * channels,
    )  # fmt: skip


def load_trained_vae(state: Path, preset: Preset, **statistics: list[float]) -> AutoencoderKLWan:
    """From a training's state; `statistics`: of the latents, as make_vae takes them."""
    vae = make_vae(preset, **statistics)
    vae.load_state_dict(torch.load(state, weights_only=True, map_location="cpu")["vae"])
    return vae.eval()


def make_denoiser(preset: Preset) -> WanTransformer3DModel:
    """Patches of 2 x 2 latent pixels, as diffusers takes for granted where every frame has its own timestep. The width
    must be several times the numbers in a token: 64 here."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=preset.heads, attention_head_dim=preset.head_width,
        in_channels=preset.latent_channels, out_channels=preset.latent_channels, text_dim=preset.text_width,
        freq_dim=256, ffn_dim=preset.feed_forward, num_layers=preset.layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024,
    )  # fmt: skip


def make_text_encoder(preset: Preset, tokens: int) -> UMT5EncoderModel:
    """A few rows more than tokens, as published checkpoints have them."""
    config = UMT5Config(
        vocab_size=tokens + 8, d_model=preset.text_width, d_kv=preset.text_width // 4, d_ff=2 * preset.text_width,
        num_layers=preset.text_layers, num_heads=4, relative_attention_num_buckets=32,
        relative_attention_max_distance=128, dropout_rate=0.0, feed_forward_proj="gated-gelu", pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    return UMT5EncoderModel(config)


def make_scheduler() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=FLOW_SHIFT
    )
