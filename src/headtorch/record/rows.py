"""Rows: tensors of any size cut to rows of a few thousand elements, so that a statistic over many costs one operation.

A whole reduction of every tensor would double the time of a step (HOOKS.md, 3a). The stride through a tensor is odd and
shares no small factor with usual inner sizes: a stride of 128 over (B, T, 256) would see two features for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch

from headtorch.record.sharded import held

ROW = 4096  # elements
BUFFER = 1 << 19  # elements of one buffer of rows at most; more than 128 tensors get shorter rows


class Rows(NamedTuple):
    """Some tensors as the rows of a matrix.

    `values` is (tensors, row), padded with zeros; `counts` (tensors,) how many elements of a row are filled; `scales`
    (tensors,) takes the norm of a row to that of the whole tensor, sqrt(its elements / those of the row).
    """

    values: torch.Tensor
    counts: torch.Tensor
    scales: torch.Tensor

    def norms(self) -> torch.Tensor:
        """The Euclidean norm of each tensor, estimated from its row, (tensors,)."""
        norms: torch.Tensor = torch.linalg.vector_norm(self.values, dim=1)
        return norms.mul_(self.scales)


class Updates(NamedTuple):
    """The change of each parameter over one step, beside its value and its gradient before: all (parameters, row)."""

    changes: torch.Tensor
    weights: torch.Tensor
    gradients: torch.Tensor


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor's own numbers: what this process holds, the values of a sparse one, both parts of complex ones."""
    mine = held(tensor)
    if mine is None:
        return torch.empty(0, device=tensor.device)
    tensor = mine
    if tensor.is_sparse:
        tensor = tensor._values()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def row_length(tensors: int) -> int:
    """How many elements a row has when there are that many tensors."""
    return max(16, min(ROW, BUFFER // max(tensors, 1)))


def sample(tensor: torch.Tensor, length: int) -> torch.Tensor:
    """At most `length` elements of a tensor, evenly spread, as a view wherever the memory allows one."""
    spread = _spread(tensor.shape, tensor.stride(), length)
    if spread is not None:
        return tensor.as_strided(*spread, tensor.storage_offset())
    if tensor.numel() > 16 * length and tensor.shape[0] > 1:
        tensor = tensor[:: _odd(math.ceil(tensor.numel() / (16 * length)))]
    flat = tensor.reshape(-1)
    return flat if flat.numel() <= length else flat[:: _odd(flat.numel() // length)][:length]


@lru_cache(maxsize=4096)
def _spread(shape: torch.Size, strides: tuple[int, ...], length: int) -> tuple[tuple[int], tuple[int]] | None:
    """The shape and the strides of a sample of what is one piece of memory: contiguous, or images with their channels
    last."""
    lies = torch.empty(shape, device="meta").as_strided(shape, strides)
    if not lies.is_contiguous() and not (len(shape) == 4 and lies.is_contiguous(memory_format=torch.channels_last)):
        return None
    size = lies.numel()
    stride = _odd(size // length) if size > length else 1
    return (min(length, -(-size // stride)),), (stride,)


def _odd(stride: int) -> int:
    """The largest stride up to the given one that 2, 3, 5 and 7 do not divide."""
    while stride > 1 and (stride % 2 == 0 or stride % 3 == 0 or stride % 5 == 0 or stride % 7 == 0):
        stride -= 1
    return max(stride, 1)


def gather(tensors: Sequence[torch.Tensor | None], length: int) -> Rows:
    """The rows of some tensors; a missing one is a row of zeros with count 0. All must be on one device."""
    device = next((tensor.device for tensor in tensors if tensor is not None), _CPU)
    values = torch.zeros(len(tensors), length, device=device)
    counts, scales = [], []
    rows: list[torch.Tensor] = []
    parts: list[torch.Tensor] = []
    for row, tensor in zip(values.unbind(), tensors, strict=True):
        tensor = None if tensor is None else plain(tensor.detach())
        if tensor is None or not (size := tensor.numel()):
            counts.append(0.0)
            scales.append(0.0)
            continue
        part = sample(tensor, length)
        filled = part.numel()
        counts.append(float(filled))
        scales.append(math.sqrt(size / filled))
        rows.append(row if filled == length else row[:filled])
        parts.append(part)
    if parts:
        torch._foreach_copy_(rows, parts)
    return Rows(values, constant(tuple(counts), device), constant(tuple(scales), device))


def together(tensors: Sequence[torch.Tensor], measure: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """What `measure` says of each tensor, (tensors,), asked of many of one shape at once.

    It gets (some, ...) and gives (some,). A deep network has many layers of few shapes, and on a CPU the operations on
    each of them would take longer than what they compute.
    """
    alike: dict[torch.Size, list[int]] = {}
    for number, tensor in enumerate(tensors):
        alike.setdefault(tensor.shape, []).append(number)
    order: list[int] = []
    found: list[torch.Tensor] = []
    for shape, numbers in alike.items():
        most = max(1, BUFFER // max(math.prod(shape), 1))
        for start in range(0, len(numbers), most):
            some = numbers[start : start + most]
            order += some
            found.append(measure(torch.stack([tensors[number] for number in some])))
    joined = torch.cat(found)
    if order == sorted(order):
        return joined
    places = tuple(sorted(range(len(order)), key=order.__getitem__))
    return joined.index_select(0, constant(places, joined.device, torch.long))


@lru_cache(maxsize=256)
def constant(numbers: tuple[float, ...], device: torch.device, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A vector of given numbers, made once for all steps; it must not be changed."""
    return torch.tensor(numbers, dtype=dtype).to(device, non_blocking=True)


_CPU = torch.device("cpu")
