"""Precision: what tells of mixed precision, autocast at the forward pass and the scale of the loss.

event "autocast"     when it is first on, and at each change, as seen at looked-at passes: `objective`, `on`, `device`
                     ("cuda"), `dtype` ("bfloat16"); none at all for a training that never uses it. Only what is on
                     where the network is called is seen, not what its own forward() switches on
event "grad_scaler"  at the first update of a GradScaler: `objective`, `where` (the user's lines), `scale`, absent
                     on an accelerator
sample "loss_scale"  of an objective, the scale after an update: at each change on a CPU, where every fall is one
                     skipped step; at looked-at updates on an accelerator, where a fall is at least one
"""

from __future__ import annotations

from typing import Any

import torch
from torch.amp import is_autocast_available

from headtorch.record.objectives import Objective
from headtorch.record.outbox import Outbox
from headtorch.record.schedule import Schedule
from headtorch.record.source import Sources
from headtorch.record.writer import Writer

Autocast = tuple[str, str]  # device and type


def autocast(tensor: torch.Tensor | None) -> Autocast | None:
    """What operations on a tensor's device are cast to, None when they are not."""
    device = "cpu" if tensor is None else tensor.device.type
    if not is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return None
    return device, str(torch.get_autocast_dtype(device)).removeprefix("torch.")


class Precision:
    """Notes mixed precision in the run file."""

    def __init__(self, writer: Writer, outbox: Outbox, sources: Sources, schedule: Schedule) -> None:
        self._schedule = schedule
        self._writer = writer
        self._outbox = outbox
        self._sources = sources
        self._updates = 0
        self._scale: float | None = None

    def note_cast(self, objective: Objective, step: int, now: Autocast | None) -> None:
        """Note autocast as it was at the forward pass of an objective, when it has changed."""
        if now == objective.autocast:
            return
        device, dtype = now or objective.autocast or ("", "")
        objective.autocast = now
        self._writer.event(step, "autocast", objective=objective.number, on=now is not None, device=device, dtype=dtype)

    def note_scaled(self, objective: Objective, step: int, scaler: Any) -> None:
        """Note the scale that a GradScaler has just updated."""
        tensor = getattr(scaler, "_scale", None)
        if not isinstance(tensor, torch.Tensor):  # it is switched off
            return
        local = tensor.device.type == "cpu"
        if not self._updates:
            seen = {"scale": float(tensor)} if local else {}
            self._writer.event(step, "grad_scaler", objective=objective.number, where=self._sources.stack(), **seen)
        if local and (scale := float(tensor)) != self._scale:
            self._scale = scale
            self._writer.sample(objective.number, "loss_scale", step, [scale])
        elif not local and self._schedule.looked_at(self._updates):
            self._outbox.put(objective.number, "loss_scale", step, tensor.detach().clone())
        self._updates += 1
