"""Muon (Jordan et al. 2024): momentum whose matrix is replaced by the nearest orthogonal one."""

from collections.abc import Iterable

import torch
from torch import Tensor


def orthogonal(gradient: Tensor, iterations: int = 5) -> Tensor:
    """U·Vᵀ of the singular value decomposition, roughly, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315  # Jordan's coefficients: steep at 0, singular values end in 0.7 to 1.2
    x = gradient / (gradient.norm() + 1e-7)
    is_tall = x.size(0) > x.size(1)
    if is_tall:
        x = x.T
    for _ in range(iterations):
        product = x @ x.T
        x = a * x + (b * product + c * product @ product) @ x
    return x.T if is_tall else x


class Muon(torch.optim.Optimizer):
    """For weights of hidden layers only; kernels of convolutions are taken as matrices [out, in · volume]."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["momentum"])

    def _update(self, parameter: Tensor, lr: float, momentum: float) -> None:
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity = state["velocity"].mul_(momentum).add_(parameter.grad)
        direction = (parameter.grad + momentum * velocity).reshape(parameter.size(0), -1)
        rows, columns = direction.shape
        scale = max(1.0, rows / columns) ** 0.5
        parameter.add_(orthogonal(direction).view_as(parameter), alpha=-lr * scale)
