"""Rows: tensors of any size cut to rows of a few thousand elements, so that a statistic over many costs one operation.

A whole reduction of every tensor would double the time of a step (HOOKS.md, 3a). The stride through a tensor is odd and
shares no small factor with usual inner sizes: a stride of 128 over (B, T, 256) would see two features for ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

ROW = 4096  # elements
BUFFER = 1 << 21  # elements of one buffer of rows at most; many parameters get shorter rows


class Rows(NamedTuple):
    """Some tensors as the rows of a matrix.

    `values` is (tensors, row), padded with zeros; `counts` (tensors,) how many elements of a row are filled; `sizes`
    (tensors,) how many elements the whole tensors have, so that sqrt(sizes / counts) takes a norm to the whole tensor.
    """

    values: torch.Tensor
    counts: torch.Tensor
    sizes: torch.Tensor

    def norms(self) -> torch.Tensor:
        """The Euclidean norm of each tensor, estimated from its row, (tensors,)."""
        norms: torch.Tensor = torch.linalg.vector_norm(self.values, dim=1)
        return norms * (self.sizes / self.counts.clamp_min(1)).sqrt()


class Updates(NamedTuple):
    """The change of each parameter over one step, beside its value and its gradient before: all (parameters, row)."""

    changes: torch.Tensor
    weights: torch.Tensor
    gradients: torch.Tensor


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor's own numbers: the values of a sparse one, real and imaginary parts of a complex one."""
    if tensor.is_sparse:
        tensor = tensor._values()
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def row_length(tensors: int) -> int:
    """How many elements a row has when there are that many tensors."""
    return max(16, min(ROW, BUFFER // max(tensors, 1)))


def sample(tensor: torch.Tensor, length: int) -> torch.Tensor:
    """At most `length` elements of a tensor, evenly spread, as a view wherever the memory allows one."""
    size = tensor.numel()
    if tensor.is_contiguous():
        flat = tensor.view(-1)
    elif tensor.is_contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else False:
        flat = tensor.as_strided((size,), (1,))
    else:
        if size > 16 * length and tensor.shape[0] > 1:
            tensor = tensor[:: _odd(math.ceil(size / (16 * length)))]
        flat = tensor.reshape(-1)
        size = flat.numel()
    if size <= length:
        return flat
    return flat[:: _odd(size // length)][:length]


def _odd(stride: int) -> int:
    """The largest stride up to the given one that 2, 3, 5 and 7 do not divide."""
    while stride > 1 and (stride % 2 == 0 or stride % 3 == 0 or stride % 5 == 0 or stride % 7 == 0):
        stride -= 1
    return max(stride, 1)


def gather(tensors: Sequence[torch.Tensor | None], length: int) -> Rows:
    """The rows of some tensors; a missing one is a row of zeros with count 0. All must be on one device."""
    device = next((tensor.device for tensor in tensors if tensor is not None), torch.device("cpu"))
    values = torch.zeros(len(tensors), length, device=device)
    counts, sizes = [], []
    for row, tensor in zip(values, tensors, strict=True):
        tensor = None if tensor is None else plain(tensor.detach())
        if tensor is None or tensor.numel() == 0:
            counts.append(0.0)
            sizes.append(0.0)
            continue
        part = sample(tensor, length)
        row[: part.numel()].copy_(part)
        counts.append(float(part.numel()))
        sizes.append(float(tensor.numel()))
    return Rows(
        values,
        torch.tensor(counts).to(device, non_blocking=True),
        torch.tensor(sizes).to(device, non_blocking=True),
    )
