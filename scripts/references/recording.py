"""Records what flows through a diffusers Wan pipeline: inputs and outputs of every part, under stable names.

text.0.*  text.1.*            text encoder, prompt then negative prompt: ids, mask, blocks, last hidden state
dit.NNN.in.*  dit.NNN.out     every call of a transformer, in order; with guidance two calls a step
transformer.call0.*           inner values of the first call, also as transformer_2.call0.*
scheduler.0.*  step.NNN.*     tables after set_timesteps; every scheduler step
vae.encode.0.*  vae.decode.0.*   and .chunkC.* for each latent frame that the decoder is given
"""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import nn

TRANSFORMER_PARTS = (
    "rope", "patch_embedding", "vace_patch_embedding", "condition_embedder", "fps_projection", "norm_out", "proj_out",
)  # fmt: skip
CONDITION_PARTS = ("time_embedder", "time_proj", "text_embedder", "timesteps_proj")
BLOCK_PARTS = ("norm1", "attn1", "norm2", "attn2", "norm3", "ffn")


class Recorder:
    """Attached to `pipeline` while used as a context; `tensors` holds copies by name."""

    def __init__(self, pipeline: DiffusionPipeline) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.transformer_calls: list[str] = []
        self._embeddings: list[torch.Tensor] = []
        self._pipeline = pipeline
        self._cleanup = ExitStack()

    def __enter__(self) -> "Recorder":
        self._watch_text_encoder(self._pipeline.text_encoder)
        for name in ("transformer", "transformer_2"):
            model = getattr(self._pipeline, name, None)
            if model is not None:
                self._watch_transformer(model, name)
        self._watch_vae(self._pipeline.vae)
        if "DiffusionForcing" not in type(self._pipeline).__name__:  # it steps copies of its scheduler
            self._watch_scheduler(self._pipeline.scheduler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def put(self, name: str, value: Any) -> None:
        """Keeps the first tensor given under a name."""
        if torch.is_tensor(value) and name not in self.tensors:
            self.tensors[name] = value.detach().cpu().contiguous().clone()

    def _seen_before(self, embedding: torch.Tensor) -> bool:
        """Whether a transformer call already had this text: the embeddings of a prompt are kept once."""
        seen = any(embedding is other for other in self._embeddings)
        self._embeddings.append(embedding)
        return seen

    def _put_outputs(self, name: str, output: Any) -> None:
        if isinstance(output, (tuple, list)):
            for index, value in enumerate(output):
                self.put(f"{name}.{index}", value)
        else:
            self.put(name, output)

    def _before(self, module: nn.Module, hook: Callable[[tuple, dict], None]) -> None:
        handle = module.register_forward_pre_hook(lambda _, args, kwargs: hook(args, kwargs), with_kwargs=True)
        self._cleanup.callback(handle.remove)

    def _after(self, module: nn.Module, hook: Callable[[Any], None]) -> None:
        handle = module.register_forward_hook(lambda _, __, output: hook(output))
        self._cleanup.callback(handle.remove)

    def _outputs_when(self, condition: Callable[[], bool], module: nn.Module, name: str) -> None:
        self._after(module, lambda output: self._put_outputs(name, output) if condition() else None)

    def _replace(self, owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        """Shadows a method on the instance until the recorder is left."""
        setattr(owner, name, replacement)
        self._cleanup.callback(delattr, owner, name)

    def _watch_text_encoder(self, encoder: nn.Module) -> None:
        calls = 0

        def before(args: tuple, kwargs: dict) -> None:
            self.put(f"text.{calls}.input_ids", args[0] if args else kwargs["input_ids"])
            self.put(f"text.{calls}.attention_mask", args[1] if len(args) > 1 else kwargs["attention_mask"])

        def after(output: Any) -> None:
            nonlocal calls
            self.put(f"text.{calls}.last_hidden_state", output.last_hidden_state)
            calls += 1

        self._before(encoder, before)
        self._after(encoder, after)
        for index, block in enumerate(encoder.encoder.block):
            self._outputs_when(lambda: calls == 0, block, f"text.0.block{index}")

    def _watch_transformer(self, model: nn.Module, label: str) -> None:
        own_calls = 0

        def before(_: tuple, kwargs: dict) -> None:
            call = f"dit.{len(self.transformer_calls):03d}"
            self.transformer_calls.append(label)
            for name, value in kwargs.items():
                is_repeated = name == "encoder_hidden_states" and self._seen_before(value)
                if not is_repeated:
                    self.put(f"{call}.in.{name}", value)

        def after(output: Any) -> None:
            nonlocal own_calls
            own_calls += 1
            self.put(f"dit.{len(self.transformer_calls) - 1:03d}.out", output[0])

        self._before(model, before)
        self._after(model, after)
        parts = [(name, getattr(model, name)) for name in TRANSFORMER_PARTS if hasattr(model, name)]
        parts += [(name, getattr(model.condition_embedder, name)) for name in CONDITION_PARTS]
        parts += [(f"block{index}", block) for index, block in enumerate(model.blocks)]
        parts += [(f"vace_block{index}", block) for index, block in enumerate(getattr(model, "vace_blocks", []))]
        parts += [(f"block0.{name}", getattr(model.blocks[0], name)) for name in BLOCK_PARTS]
        parts += [("block0.attn1.norm_q", model.blocks[0].attn1.norm_q)]
        for name, module in parts:
            self._outputs_when(lambda: own_calls == 0, module, f"{label}.call0.{name}")

    def _watch_vae(self, vae: nn.Module) -> None:
        encode, decode = vae.encode, vae.decode

        def recorded_encode(pixels: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            result = encode(pixels, *args, **kwargs)
            self.put("vae.encode.0.in", pixels)
            self.put("vae.encode.0.parameters", result.latent_dist.parameters)
            return result

        def recorded_decode(latents: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            result = decode(latents, *args, **kwargs)
            self.put("vae.decode.0.in", latents)
            self.put("vae.decode.0.out", result[0])
            return result

        self._replace(vae, "encode", recorded_encode)
        self._replace(vae, "decode", recorded_decode)
        self._watch_decoder(vae.decoder)

    def _watch_decoder(self, decoder: nn.Module) -> None:
        chunk = 0

        def finished(_: Any) -> None:
            nonlocal chunk
            chunk += 1

        def watch(name: str, module: nn.Module) -> None:
            self._after(module, lambda output: self.put(f"vae.decode.0.chunk{chunk}.{name}", output))

        for name in ("conv_in", "mid_block", "conv_out"):
            watch(name, getattr(decoder, name))
        for index, block in enumerate(decoder.up_blocks):
            watch(f"up_block{index}", block)
        self._after(decoder, finished)

    def _watch_scheduler(self, scheduler: Any) -> None:
        step, set_timesteps = scheduler.step, scheduler.set_timesteps
        steps = 0

        def recorded_step(model_output: Any, timestep: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            result = step(model_output, timestep, sample, *args, **kwargs)
            self.put(f"step.{steps:03d}.model_output", model_output)
            self.put(f"step.{steps:03d}.timestep", torch.as_tensor(timestep))
            self.put(f"step.{steps:03d}.sample", sample)
            self.put(f"step.{steps:03d}.prev_sample", result[0])
            steps += 1
            return result

        def recorded_set_timesteps(*args: Any, **kwargs: Any) -> None:
            set_timesteps(*args, **kwargs)
            self.put("scheduler.0.timesteps", scheduler.timesteps)
            self.put("scheduler.0.sigmas", scheduler.sigmas)

        self._replace(scheduler, "step", recorded_step)
        self._replace(scheduler, "set_timesteps", recorded_set_timesteps)
