"""Scheduler tables, solver trajectories, staircases and random numbers: references that need no network."""

import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    SkyReelsV2DiffusionForcingPipeline,
    UniPCMultistepScheduler,
)

SHIFTS = (1.0, 3.0, 5.0, 8.0, 12.0)
STEP_COUNTS = (1, 2, 4, 10, 30, 50)
# torch draws fewer than 16 normal numbers one by one and more in blocks, with the tail drawn again.
RANDOM_COUNTS = (1, 5, 15, 16, 17, 31, 32, 33, 100, 1000)
# Diffusion forcing: latent frames, of them known, frames of a block, steps that a block is ahead, steps.
STAIRCASES = ((25, 0, 1, 0, 30), (25, 0, 5, 5, 30), (6, 0, 2, 2, 4), (5, 0, 1, 2, 4), (8, 2, 2, 2, 4),
              (25, 5, 5, 5, 50), (7, 3, 1, 3, 10))  # fmt: skip

Tensors = dict[str, torch.Tensor]


def unipc(flow_shift: float, **options: object) -> UniPCMultistepScheduler:
    """The scheduler of the Wan-AI/*-Diffusers repositories: flow settings on, the rest as diffusers has it."""
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=flow_shift,
        **options,
    )  # fmt: skip


def euler(shift: float) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(shift=shift)


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def schedules() -> Tensors:
    """Sigmas and timesteps of both schedulers for every shift and number of steps."""
    tensors: Tensors = {}
    for shift in SHIFTS:
        for steps in STEP_COUNTS:
            for name, scheduler in (("unipc", unipc(shift)), ("euler", euler(shift))):
                scheduler.set_timesteps(steps)
                tensors[f"{name}.shift{shift:g}.n{steps}.sigmas"] = scheduler.sigmas
                tensors[f"{name}.shift{shift:g}.n{steps}.timesteps"] = scheduler.timesteps
    return tensors


def trajectory(order: int, solver_type: str) -> torch.Tensor:
    """Eight UniPC steps on the synthetic velocity v = sin(3x) + 0.1 t/1000, the start included."""
    # lower_order_final=False is left out: at sigma 0 the reference divides by zero.
    scheduler = unipc(5.0, solver_order=order, solver_type=solver_type, lower_order_final=True)
    scheduler.set_timesteps(8)
    scheduler.set_begin_index(0)
    sample = torch.randn(1, 4, 3, 2, 2, generator=generator(3))
    visited = [sample]
    for timestep in scheduler.timesteps:
        velocity = torch.sin(3 * sample) + 0.1 * timestep / 1000
        sample = scheduler.step(velocity, timestep, sample, return_dict=False)[0]
        visited.append(sample)
    return torch.stack(visited)


def staircases() -> Tensors:
    """Of diffusion forcing, for each call of the denoiser: where each frame is (0 noise ... steps + 1 clean), and
    whether it makes a step."""
    tensors: Tensors = {}
    for frames, known, block, ar_step, steps in STAIRCASES:
        scheduler = unipc(8.0)
        scheduler.set_timesteps(steps)
        _, levels, moves, _ = SkyReelsV2DiffusionForcingPipeline.generate_timestep_matrix(
            None, frames, scheduler.timesteps, frames, ar_step, known, block
        )
        name = f"staircase.f{frames}.known{known}.block{block}.ar{ar_step}.n{steps}"
        tensors[f"{name}.levels"], tensors[f"{name}.moves"] = levels.to(torch.uint8), moves
    return tensors


def random_numbers() -> Tensors:
    """What torch's CPU generator gives for a seed, alone and in a sequence of draws."""
    tensors: Tensors = {}
    for count in RANDOM_COUNTS:
        tensors[f"rng.randn_f32.seed42.n{count}"] = torch.randn(count, generator=generator(42))
        bfloat16 = torch.randn(count, generator=generator(42), dtype=torch.bfloat16)
        tensors[f"rng.randn_bf16.seed42.n{count}"] = bfloat16
        tensors[f"rng.rand_f32.seed42.n{count}"] = torch.rand(count, generator=generator(42))
    shared = generator(42)
    tensors["rng.seq.0_rand1"] = torch.rand(1, generator=shared)
    tensors["rng.seq.1_randn17"] = torch.randn(17, generator=shared)
    tensors["rng.seq.2_rand3"] = torch.rand(3, generator=shared)
    tensors["rng.seq.3_randn20"] = torch.randn(20, generator=shared)
    tensors["rng.randn5d.seed0"] = torch.randn(1, 16, 3, 8, 6, generator=generator(0))
    return tensors


def all_tables() -> Tensors:
    tensors = schedules() | staircases() | random_numbers()
    for order in (1, 2, 3):
        for solver_type in ("bh1", "bh2"):
            tensors[f"unipc_traj.order{order}.{solver_type}.lof1"] = trajectory(order, solver_type)
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
