"""Entered: what the network was given, kept until the loss shows what it is compared with.

A copy of a part: the tensor itself may be gone by then, and is not to live longer for our sake.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from headtorch.record.statistics import describable

MAX_EXAMPLES = 256
MAX_FEATURES = 64  # evenly spaced


class Entered(NamedTuple):
    """The `features` of the first of some `examples`, (at most 256, at most 64): every `stride`th number of what has a
    `shape` each; of tokens, the first ones."""

    features: torch.Tensor
    examples: int
    shape: tuple[int, ...]
    stride: int

    @property
    def numbers(self) -> int:
        """How many numbers each example has."""
        return math.prod(self.shape)


def entered(tensor: torch.Tensor | None) -> Entered | None:
    """What is kept of a tensor that was given to a network; None where it says nothing of single examples."""
    if tensor is None or not tensor.dim() or not describable(tensor):
        return None
    examples = tensor.detach()[:MAX_EXAMPLES]
    flat = examples.reshape(len(examples), -1)
    stride = -(-flat.shape[1] // MAX_FEATURES) if tensor.is_floating_point() else 1
    return Entered(flat[:, ::stride][:, :MAX_FEATURES].clone(), tensor.shape[0], tuple(tensor.shape[1:]), stride)
