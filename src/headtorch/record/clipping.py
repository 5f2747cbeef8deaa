"""Clipping: what is noted where gradients are clipped.

event "clip", "clip_value"   an objective's first clipping of the norm, or of the elements; `where` are the user's lines
sample "clip"                at looked-at steps, the norm before, and the limit
sample "clip_value"          the norm before, what clipping leaves of it, the share of the elements above the limit, of
                             those that are not 0, and the limit
"""

from __future__ import annotations

import torch

from headtorch.record.objectives import Objective
from headtorch.record.outbox import Outbox
from headtorch.record.schedule import Schedule
from headtorch.record.source import Sources
from headtorch.record.writer import Writer


class Clipping:
    """The clipping of one process's gradients."""

    def __init__(self, writer: Writer, sources: Sources, outbox: Outbox, schedule: Schedule) -> None:
        self._writer = writer
        self._sources = sources
        self._outbox = outbox
        self._schedule = schedule

    def of_norm(self, objective: Objective, step: int, most: float, norm: torch.Tensor) -> None:
        """The norm of gradients was clipped to `most`; `norm` is what it was before."""
        if self._looked_at(objective, step, "clip"):
            limit = torch.full((1,), most, device=norm.device)
            self._outbox.put(objective.number, "clip", step, torch.cat([norm.detach().reshape(1).float(), limit]))

    def of_values(self, objective: Objective, step: int, most: float) -> None:
        """Each element of the gradients is about to be clipped to `most`."""
        if not self._looked_at(objective, step, "clip_value"):
            return
        leaves = [None if tensor is None or not tensor.is_leaf else tensor for tensor in objective.tensors()]
        before = objective.rows([None if tensor is None else tensor.grad for tensor in leaves])
        after = before._replace(values=before.values.clamp(-most, most))
        above = (before.values.abs() > most).sum() / before.values.sign().abs().sum()
        norms = [torch.linalg.vector_norm(rows.norms()) for rows in (before, after)]
        told = torch.stack([*norms, above, torch.full_like(above, most)])
        self._outbox.put(objective.number, "clip_value", step, told)

    def _looked_at(self, objective: Objective, step: int, kind: str) -> bool:
        """Whether the last step of an objective is looked at; tells once where it is clipped."""
        if kind not in objective.told:
            objective.told.add(kind)
            self._writer.event(step, kind, objective=objective.number, where=self._sources.stack())
        return self._schedule.looked_at(objective.count - 1)
