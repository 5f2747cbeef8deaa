"""Evaluations: what is noted of the passes and the losses that nothing is learnt from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from headtorch.model import Where
from headtorch.record.measure import Measurements
from headtorch.record.modules import Modules, batches_behind, mode, weights_behind
from headtorch.record.outbox import Held, Outbox
from headtorch.record.source import Sources
from headtorch.record.writer import Writer

MAX_PLACES = 16
MAX_MODULES = 64


class Evaluations:
    """The evaluations of one process. `count` is their number so far."""

    def __init__(self, writer: Writer, sources: Sources, modules: Modules, outbox: Outbox) -> None:
        self._writer = writer
        self._sources = sources
        self._modules = modules
        self._outbox = outbox
        self._held = Held()  # what was measured of the last loss, when it may be one to learn from or to evaluate
        self._places: set[tuple[Where, ...]] = set()
        self._known: set[int] = set()  # modules
        self._renewed: set[int] = set()  # modules whose running statistics were made anew
        self._modes: dict[int, bool] = {}  # the last one of each module, by its id
        self._turns = 0  # calls in another mode than the module's last one
        self.count = 0

    def counted(self, key: int, training: bool, looked_at: Callable[[int], bool]) -> bool:
        """Count a call of the module of that id. Returns whether it is looked at: as one of all calls, or of those that
        turn to another mode, which would be lost among the others where they are few."""
        looked = looked_at(self.count)
        self.count += 1
        turns = self._modes.get(key, training) is not training
        if turns or (key not in self._modes and len(self._modes) < MAX_MODULES):
            self._modes[key] = training
        if turns:
            looked = looked or looked_at(self._turns)
            self._turns += 1
        return looked

    def called(
        self,
        step: int,
        owner: int,
        module: nn.Module,
        training: bool,
        tensor: torch.Tensor | None,
        trained: nn.Module | None,
        is_entry: bool,
    ) -> None:
        """A module was called with a tensor, and autograd does not follow; after `step` steps of the objective `owner`.

        `training` is the mode it was called in, `trained` the network that is trained; `is_entry` says that it gets its
        data through this module.
        """
        stack = self._sources.stack()
        if stack not in self._places and len(self._places) < MAX_PLACES:
            self._places.add(stack)
            self._writer.event(step, "evaluation", where=stack)
        number = self._modules.number(module)
        if number not in self._known and len(self._known) < MAX_MODULES:
            self._known.add(number)
            self._writer.event(step, "evaluated", module=number)
        examples = float(tensor.shape[0]) if tensor is not None and tensor.dim() else 1.0
        dropouts, dropouts_off, norms, norms_off = mode(module, training)
        modes = float(training), float(dropouts), float(dropouts_off), float(norms), float(norms_off)
        self._writer.sample(owner, "evaluation", step, [*modes, examples, float(number)])
        if norms > norms_off:
            self._renewed.add(number)
        behind = None if trained is None or number in self._renewed else batches_behind(module, trained)
        if behind is not None:
            self._outbox.put(owner, "batches_behind", step, behind)
        apart = None if trained is None or trained is module else weights_behind(module, trained)
        if apart is not None:
            self._outbox.put(owner, "weights_behind", step, torch.cat([apart.new_full((1,), float(number)), apart]))
        if is_entry:
            for name, vector in Measurements(self._outbox).given("input", tensor):
                self._outbox.put(owner, f"eval_{name}", step, vector)

    def loss_called(
        self, step: int, owner: int, name: str, value: Any, prediction: Any, target: Any, summed: bool
    ) -> None:
        """A loss was computed to evaluate."""
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            return
        examples = target.numel() if summed and isinstance(target, torch.Tensor) else 1
        self.release()
        # With a gradient it may yet be learnt from: a training in eval mode. What comes next will tell.
        outbox = self._held if value.requires_grad else self._outbox
        outbox.put(owner, "eval_loss", step, value.detach() / max(examples, 1))
        if isinstance(prediction, torch.Tensor) and isinstance(target, torch.Tensor):
            Measurements(outbox).compare(owner, "eval_", step, name, prediction.detach(), target.detach())

    @property
    def waiting(self) -> bool:
        """Whether something is held back."""
        return bool(self._held.parcels)

    def release(self) -> None:
        """Deliver what was held back of a loss that nothing has learnt from."""
        for parcel in self._held.parcels:
            self._outbox.put(*parcel)
        self.forget()

    def forget(self) -> None:
        """Drop what was held back: it was learnt from."""
        self._held.parcels.clear()
