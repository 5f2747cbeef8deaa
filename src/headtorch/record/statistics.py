"""What several quantities say of a batch: its summary, its rows, its features."""

from __future__ import annotations

import math

import torch

from headtorch.record.rows import ROW, sample
from headtorch.record.sharded import held, is_sharded

MAX_ROWS = 512
MAX_COLUMNS = 256


def describable(tensor: torch.Tensor) -> bool:
    """Whether there is something to say of a tensor: real numbers that lie in memory as usual, and at least one."""
    if is_sharded(tensor) or held(tensor) is None:
        return False
    strided = tensor.layout is torch.strided and not tensor.is_nested
    return strided and tensor.numel() > 0 and not tensor.is_complex() and not tensor.is_quantized


def summary(tensor: torch.Tensor) -> torch.Tensor:
    """Mean, standard deviation, smallest, largest and share of non-finite values, (5,); the first four of finite
    ones."""
    values = sample(tensor.detach(), 16 * ROW).float()
    if values.device.type == "cpu" and math.isfinite(total := values.sum().item()):  # then each of them is
        mean = total / values.numel()
        deviation = float(torch.linalg.vector_norm(values - mean)) / math.sqrt(values.numel())
        smallest, largest = values.aminmax()
        return torch.tensor([mean, deviation, float(smallest), float(largest), 0.0])
    return _summary(values)


def _summary(values: torch.Tensor) -> torch.Tensor:
    """The summary of any values, without reading one back from the device."""
    finite = 1 - torch.nan_to_num(values - values, nan=1.0)  # 1 or 0; isfinite() takes ten times as long on a CPU
    count = finite.sum()
    divisor = count.clamp_min(1)
    mean = _without(values, 0.0).sum() / divisor
    deviation = (((_without(values, 0.0) - mean) * finite).square().sum() / divisor).sqrt()
    smallest, largest = _without(values, math.inf).amin(), _without(values, -math.inf).amax()
    return torch.stack([mean, deviation, smallest, largest, 1 - count / values.numel()])


def _without(values: torch.Tensor, stand_in: float) -> torch.Tensor:
    """The values with a stand-in for those that are not finite."""
    return torch.nan_to_num(values, nan=stand_in, posinf=stand_in, neginf=stand_in)


def spread(values: torch.Tensor, dim: int) -> torch.Tensor:
    """The standard deviation along a dimension, in two passes: Tensor.std takes ten times as long on a CPU."""
    centred = values - values.mean(dim=dim, keepdim=True)
    return centred.square_().mean(dim=dim).sqrt_()


def rows_of(tensor: torch.Tensor) -> torch.Tensor:
    """A batch as (examples, outputs): classes beside each other; at most 512 examples and 256 outputs."""
    values = tensor.detach()
    if values.dim() == 0:
        values = values.reshape(1, 1)
    elif values.dim() == 1:
        values = values[:, None]
    values = values[:MAX_ROWS]
    if values.dim() > 2:  # (examples, classes, positions ...): positions count as examples
        values = values.movedim(1, -1).reshape(-1, values.shape[1])[: MAX_ROWS * 8]
    return values[:, :MAX_COLUMNS].float()


def features(tensor: torch.Tensor) -> torch.Tensor:
    """A batch as (values, features): a table's columns, an image's channels, a sequence's last dimension."""
    values = tensor.detach()
    if values.dim() <= 1:
        values = values.reshape(-1, 1)
    elif values.dim() >= 4:
        values = values[:MAX_ROWS].movedim(1, -1).reshape(-1, values.shape[1])
    else:
        values = values[:MAX_ROWS].reshape(-1, values.shape[-1])
    return values[: 8 * MAX_ROWS, :MAX_COLUMNS].float()
