"""Asked: whether autograd.grad runs for an update, or for a derivative, a penalty or an attack."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import torch
from torch import nn

from headtorch.record.objectives import Reference, Site

MAX_REPLICAS = 16  # weights held by hand that take turns on one line


class Asked:
    """The gradients that autograd.grad was asked for, by the place that asks."""

    def __init__(self) -> None:
        self._seen: dict[Site, list[list[Reference]]] = {}  # the last sets of tensors that were asked for there

    def to_train(self, site: Site, loss: torch.Tensor, wanted: Sequence[torch.Tensor], makes_graph: bool) -> bool:
        """Whether these are for an update: of parameters, or of leaves that a place asks for again and again."""
        if loss.numel() != 1:
            return False
        if any(isinstance(tensor, nn.Parameter) for tensor in wanted):
            return True
        if makes_graph or not wanted or not all(tensor.is_leaf for tensor in wanted):
            return False
        sets = self._seen.setdefault(site, [])
        for seen in sets:
            if len(seen) == len(wanted) and all(a() is b for a, b in zip(seen, wanted, strict=True)):
                return True
        sets[:] = [*sets[1 - MAX_REPLICAS :], [weakref.ref(tensor) for tensor in wanted]]
        return False
