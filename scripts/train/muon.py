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
        directions = []
        for parameter in parameters:
            state = self.state[parameter]
            if "velocity" not in state:
                state["velocity"] = torch.zeros_like(parameter)
            velocity = state["velocity"].mul_(momentum).add_(parameter.grad)
            directions.append((parameter.grad + momentum * velocity).reshape(parameter.size(0), -1))
        rows, columns = directions[0].shape
        scale = max(1.0, rows / columns) ** 0.5
        for parameter, update in zip(parameters, orthogonal(torch.stack(directions))):
            parameter.add_(update.view_as(parameter), alpha=-lr * scale)
