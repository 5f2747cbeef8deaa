"""Loading: which weights a state dict has brought, and state dicts that bring none.

event "nothing_loaded"     a state dict whose names are none of the module's: `where` (the user's lines), `module` (its
                           number), `type` (its class), `wanted` and `given` (a name of each, if there is one)
event "statistics_missing" a state dict that brings weights, and nothing for the running statistics of batch norms that
                           never ran in training: `where`, `norms` (how many), `wanted` (a name)
event "loaded_after_all"   such a module (`module`, its number) has been given its weights later

Beside these, of an objective the sample "loaded_weight_norm", the lengths of its weights right after a state dict has
brought some (measure.py); and of a parameter, in the fourth column of "initial_weight", the cosine between what a state
dict has brought and what is there when training begins (objectives.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from headtorch.record.modules import Modules
from headtorch.record.objectives import TensorNumbers
from headtorch.record.source import Sources
from headtorch.record.writer import Writer

MAX_EVENTS = 64


class Loading:
    """Notes what modules are given by `load_state_dict`."""

    def __init__(self, writer: Writer, sources: Sources, modules: Modules, numbers: TensorNumbers) -> None:
        self._writer = writer
        self._sources = sources
        self._modules = modules
        self._numbers = numbers
        self._told = 0
        self._waiting: set[int] = set()  # numbers of modules that were given nothing

    def loaded(self, step: int, module: nn.Module, state: Any, result: Any) -> None:
        """A module has been given a state dict; `result` says which names it missed, where it is PyTorch's."""
        if not isinstance(state, Mapping):
            return
        # Hooks of modules give names of their own to what they find: what is missing afterwards tells.
        missing = set(getattr(result, "missing_keys", ()))
        wanted = [name for name, _ in module.named_parameters()]  # state_dict() would run the user's hooks
        if wanted and missing.issuperset(wanted):
            self._note_nothing(step, module, wanted[0], next(iter(state), ""))
            return
        self._note_statistics(step, module, missing)
        self._numbers.note_loaded(parameter for name, parameter in module.named_parameters() if name in state)
        if self._waiting and (number := self._modules.number(module)) in self._waiting:
            self._waiting.discard(number)
            self._writer.event(step, "loaded_after_all", module=number)

    def _note_statistics(self, step: int, module: nn.Module, missing: set[str]) -> None:
        fresh = [name for name in sorted(missing) if name.endswith("running_mean") and _never_ran(module, name)]
        if fresh and self._told < MAX_EVENTS:
            self._told += 1
            where = self._sources.stack()
            self._writer.event(step, "statistics_missing", where=where, norms=len(fresh), wanted=fresh[0])

    def _note_nothing(self, step: int, module: nn.Module, wanted: str, given: object) -> None:
        number = self._modules.number(module)
        self._waiting.add(number)
        self._told += 1
        if self._told <= MAX_EVENTS:
            details = {"module": number, "type": type(module).__name__, "wanted": wanted, "given": str(given)}
            self._writer.event(step, "nothing_loaded", where=self._sources.stack(), **details)


def _never_ran(module: nn.Module, buffer: str) -> bool:
    """Whether the batch norm of a buffer has never run in training mode."""
    norm = module.get_submodule(buffer.rpartition(".")[0])
    batches = getattr(norm, "num_batches_tracked", None)
    return isinstance(batches, torch.Tensor) and not batches.any()
