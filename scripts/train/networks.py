"""The networks of the shipped checkpoint, and tiny ones of the same kind for the smoke test."""

from dataclasses import dataclass

from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

FLOW_SHIFT = 3.0


@dataclass(frozen=True)
class Preset:
    vae_base: int
    vae_decoder_base: int
    latent_channels: int
    heads: int
    head_width: int
    layers: int
    feed_forward: int
    text_width: int
    text_layers: int


PRESETS = {
    "tiny-world": Preset(
        vae_base=32, vae_decoder_base=48, latent_channels=48, heads=3, head_width=64, layers=6, feed_forward=768,
        text_width=128, text_layers=2,
    ),
    "smoke": Preset(
        vae_base=4, vae_decoder_base=4, latent_channels=8, heads=2, head_width=16, layers=2, feed_forward=64,
        text_width=32, text_layers=1,
    ),
}  # fmt: skip


def make_vae(
    preset: Preset, latents_mean: list[float] | None = None, latents_std: list[float] | None = None
) -> AutoencoderKLWan:
    """Wan 2.2's residual VAE: 4 x 4 pixel patches and two halvings make 16 x 16, time is halved twice."""
    channels = preset.latent_channels
    return AutoencoderKLWan(
        base_dim=preset.vae_base, decoder_base_dim=preset.vae_decoder_base, z_dim=channels, dim_mult=[1, 2, 2],
        num_res_blocks=1, attn_scales=[], temperal_downsample=[True, True], dropout=0.0, is_residual=True,
        in_channels=48, out_channels=48, patch_size=4, scale_factor_temporal=4, scale_factor_spatial=16,
        latents_mean=latents_mean or [0.0] * channels, latents_std=latents_std or [1.0] * channels,
    )  # fmt: skip


def make_denoiser(preset: Preset) -> WanTransformer3DModel:
    """One token for each latent pixel: the width must be several times the numbers in a token."""
    return WanTransformer3DModel(
        patch_size=(1, 1, 1), num_attention_heads=preset.heads, attention_head_dim=preset.head_width,
        in_channels=preset.latent_channels, out_channels=preset.latent_channels, text_dim=preset.text_width,
        freq_dim=256, ffn_dim=preset.feed_forward, num_layers=preset.layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024,
    )  # fmt: skip


def make_text_encoder(preset: Preset, tokens: int) -> UMT5EncoderModel:
    """Trained together with the denoiser. A few rows more than tokens, as published checkpoints have them."""
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
