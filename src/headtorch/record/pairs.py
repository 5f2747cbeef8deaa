"""Pairs: what the losses that compare pairs are told of each, for autograd keeps no target of theirs.

event "pair_loss"      an objective's first loss of a name: its `loss`, and `where` (the user's lines that call it)
sample "pair_target"   the targets of each call at a looked-at step, as columns like those of the quantity "target"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.compiler import is_compiling

from headtorch.model import Where
from headtorch.record.compiler import leave_uncompiled
from headtorch.record.objectives import Objective
from headtorch.record.outbox import Outbox
from headtorch.record.patches import Patches
from headtorch.record.quantities import target as targets
from headtorch.record.source import Sources
from headtorch.record.statistics import describable
from headtorch.record.writer import Writer

LOSSES = (("cosine_embedding_loss", 2), ("margin_ranking_loss", 2), ("hinge_embedding_loss", 1))  # the target's place


def tap_pairs(contained: Callable[..., Any], compared: Callable[..., None], patches: Patches) -> None:
    """Tap the losses that compare pairs; `compared` gets the name, what is compared, and the target."""

    def tapped(original: Callable[..., Any], name: str, position: int) -> Callable[..., Any]:
        def loss(*args: Any, **kwargs: Any) -> Any:
            value = original(*args, **kwargs)
            if not is_compiling() and len(args) > position:
                contained(compared, name, args[:position], args[position])
            return value

        loss.__name__, loss.__doc__ = name, original.__doc__
        leave_uncompiled(loss)
        return loss

    for name, position in LOSSES:
        patches.put_builtin(torch, name, tapped(getattr(torch, name), name, position))


class Pairs:
    """The pairs that were compared since the last backward pass."""

    def __init__(self, writer: Writer, sources: Sources, outbox: Outbox) -> None:
        self._writer = writer
        self._sources = sources
        self._outbox = outbox
        self._compared: list[tuple[str, torch.Tensor, tuple[Where, ...]]] = []

    def compared(self, name: str, compared: Sequence[Any], target: Any) -> None:
        """A loss was computed of pairs. Only those are noted of which all that is compared learns.

        What stands still cannot be drawn to one point: there a target of 0 may well say which examples count.
        """
        learns = all(isinstance(each, torch.Tensor) and each.requires_grad for each in compared)
        if learns and isinstance(target, torch.Tensor) and describable(target):
            self._compared.append((name, targets.measure(target.detach()), self._sources.stack()))

    def learnt_from(self, objective: Objective, step: int) -> None:
        """A backward pass follows."""
        for name, vector, where in self._compared:
            if name not in objective.told:
                objective.told.add(name)
                self._writer.event(step, "pair_loss", objective=objective.number, loss=name, where=where)
            self._outbox.put(objective.number, "pair_target", step, vector)

    def forget(self) -> None:
        """The pass is over."""
        self._compared.clear()
