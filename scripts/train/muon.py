"""Muon (Jordan et al. 2024): momentum whose matrix is replaced by the nearest orthogonal one."""

from collections.abc import Iterable

import torch
from torch import Tensor


def orthogonal(gradients: Tensor, iterations: int = 5) -> Tensor:
    """[n, rows, columns] → U·Vᵀ of each one's singular value decomposition, roughly, by a quintic Newton-Schulz
    iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315  # Jordan's coefficients: steep at 0, singular values end in 0.7 to 1.2
    x = gradients / (gradients.norm(dim=(1, 2), keepdim=True) + 1e-7)
    is_tall = x.size(1) > x.size(2)
    if is_tall:
        x = x.mT
    for _ in range(iterations):
        product = x @ x.mT
        x = a * x + (b * product + c * product @ product) @ x
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):
    """For weights of hidden layers only; kernels of convolutions are taken as matrices [out, in · volume]. Matrices of
    one shape are done together: one by one, a GPU would spend its time on starting."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows = parameter.size(0)
                    by_shape.setdefault((rows, parameter.numel() // rows), []).append(parameter)
            for parameters in by_shape.values():
                self._update(parameters, group["lr"], group["momentum"])

    def _update(self, parameters: list[Tensor], lr: float, momentum: float) -> None:
        for parameter in parameters:
            if "velocity" not in self.state[parameter]:
                self.state[parameter]["velocity"] = torch.zeros_like(parameter)
        velocities = [self.state[parameter]["velocity"] for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters]
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, gradients)
        directions = torch._foreach_add(gradients, velocities, alpha=momentum)
        updates = orthogonal(torch.stack([direction.flatten(1) for direction in directions]))
        scale = max(1.0, updates.size(1) / updates.size(2)) ** 0.5
        shaped = [update.view_as(parameter) for parameter, update in zip(parameters, updates)]
        torch._foreach_add_(parameters, shaped, alpha=-lr * scale)
