"""Optimizers: who made each, what it holds, its settings at every change, and how a scheduler follows it.

event "scheduler"   a scheduler that has stepped: `optimizer` (its number), `scheduler` (its class), `where` (the user's
                    lines that made it), `optimizer_steps` (before it: 0 is a step too early)
sample "scheduled"  of an optimizer, right after its step: its steps so far and those of the schedulers that hold it, at
                    its first hundred steps and then at fewer, once a scheduler has stepped; the slope is scheduler
                    steps per optimizer step
"""

from __future__ import annotations

import math
import weakref
from numbers import Integral, Real
from typing import Any, Protocol

import torch

from headtorch.model import Where
from headtorch.record.objectives import TensorNumbers
from headtorch.record.schedule import Schedule
from headtorch.record.source import Sources
from headtorch.record.writer import Writer
from headtorch.store import records


class AnyOptimizer(Protocol):
    """What has groups of parameters, each with its rate: PyTorch's optimizers, and those of other libraries."""

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups."""


class OptimizerState:
    """What is known of one optimizer beside the training."""

    def __init__(self, optimizer: AnyOptimizer, number: int, made_at: tuple[Where, ...], step: int) -> None:
        self.reference = weakref.ref(optimizer)
        self.number = number
        self.made_at = made_at
        self.made_after_step = step
        self.held: set[int] = set()
        self.made_with: tuple[float, ...] = ()  # rates, by group
        self.rates: list[float] = []
        self.steps = 0
        self.fresh = False  # it has stepped, and no backward pass of use to it has added to its gradients since
        self.stepped_at: Where | None = None


class _Scheduler:
    """What is known of one scheduler of the learning rate; `told` says that its event is written."""

    def __init__(self, reference: weakref.ref[Any], made_at: tuple[Where, ...]) -> None:
        self.reference = reference
        self.made_at = made_at
        self.told = False


def _steps_of(scheduler: Any) -> int:
    """How many steps a scheduler has taken; the one that it takes when it is made does not count."""
    counted = getattr(scheduler, "_step_count", None)
    return int(getattr(scheduler, "last_epoch", 0)) if counted is None else int(counted) - 1


class Optimizers:
    """All optimizers of the process, in the order in which they were made."""

    def __init__(
        self, sources: Sources, numbers: TensorNumbers, writer: Writer, first_number: int, schedule: Schedule
    ) -> None:
        self._schedule = schedule
        self._first_number = first_number
        self._sources = sources
        self._numbers = numbers
        self._writer = writer
        self._states: dict[int, OptimizerState] = {}
        self._schedulers: list[_Scheduler] = []
        self.made = 0
        self._asked_for: dict[int, tuple[weakref.ref[Any], tuple[Where, ...]]] = {}
        self._holders: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}  # the newest that holds a tensor, by id

    def note_asked_for(self, optimizer: AnyOptimizer) -> None:
        """Note the user's lines that ask for an optimizer which is to get its parameters later."""
        key = id(optimizer)
        reference = weakref.ref(optimizer, lambda _: self._asked_for.pop(key, None))
        self._asked_for[key] = reference, self._sources.stack()

    def note_made(self, optimizer: AnyOptimizer, step: int) -> OptimizerState:
        """Note a new optimizer, with the user's lines that made it."""
        _, asked_for = self._asked_for.get(id(optimizer), (None, ()))
        state = OptimizerState(optimizer, self._first_number + self.made, asked_for or self._sources.stack(), step)
        state.made_with = tuple(_number(group.get("lr")) for group in optimizer.param_groups)
        self.made += 1
        self._states[id(optimizer)] = state
        self._write(optimizer, state)
        return state

    def note_stepped(self, optimizer: AnyOptimizer, step: int) -> OptimizerState:
        """Note a step: rates that changed, parameters added since, the user's line of the first step."""
        state = self._states.get(id(optimizer))
        if state is None or state.reference() is not optimizer:
            state = self.note_made(optimizer, step)
        state.steps += 1
        if self._schedulers:
            self._note_schedule(optimizer, state, step)
        first = state.stepped_at is None
        if first:
            state.stepped_at = self._sources.here()
        if first or len(state.held) != sum(len(group["params"]) for group in optimizer.param_groups):
            self._write(optimizer, state)
        rates = [_number(group.get("lr")) for group in optimizer.param_groups]
        if rates != state.rates:
            state.rates = rates
            self._writer.sample(state.number, "learning_rate", max(step - 1, 0), rates)
        return state

    def is_calm(self, state: OptimizerState) -> bool:
        """Whether the steps of an optimizer need only be counted while its rates, plain numbers, stay the same."""
        optimizer = state.reference()
        if optimizer is None or state.stepped_at is None or not all(each.told for each in self._schedulers):
            return False
        rates = [group.get("lr") for group in optimizer.param_groups]
        return all(type(rate) is float for rate in rates) and rates == state.rates

    def note_scheduler(self, scheduler: Any) -> None:
        """Note a scheduler that is being made, with the user's lines that make it."""
        self._schedulers = [each for each in self._schedulers if each.reference() is not None]
        self._schedulers.append(_Scheduler(weakref.ref(scheduler), self._sources.stack()))

    def _note_schedule(self, optimizer: AnyOptimizer, state: OptimizerState, step: int) -> None:
        """Note what the schedulers of an optimizer have done by its step."""
        taken = 0
        for each in self._schedulers:
            scheduler = each.reference()
            if scheduler is None or getattr(scheduler, "optimizer", None) is not optimizer:
                continue
            steps = _steps_of(scheduler)
            taken = max(taken, steps)
            if steps and not each.told:
                each.told = True
                details = {"scheduler": type(scheduler).__name__, "optimizer_steps": state.steps - 1}
                self._writer.event(max(step - 1, 0), "scheduler", optimizer=state.number, where=each.made_at, **details)
        if taken and self._schedule.looked_at(state.steps - 1):
            self._writer.sample(state.number, "scheduled", max(step - 1, 0), [float(state.steps), float(taken)])

    def holder(self, tensor: torch.Tensor) -> int | None:
        """The number of the newest optimizer that holds a tensor; an id alone may be that of one long gone."""
        known = self._holders.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def newest_over(self, learners: list[torch.Tensor]) -> OptimizerState | None:
        """The optimizer made last among those that hold any of the learners."""
        numbers = {number for tensor in learners if (number := self.holder(tensor)) is not None}
        return next((state for state in self._states.values() if numbers and state.number == max(numbers)), None)

    def _write(self, optimizer: AnyOptimizer, state: OptimizerState) -> None:
        tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
        state.held = {id(tensor) for tensor in tensors}
        for tensor in tensors:
            self._holders[id(tensor)] = (weakref.ref(tensor), state.number)
        self._writer.record(
            "optimizer",
            state.number,
            records.Optimizer(
                id=state.number,
                kind=getattr(optimizer, "kind", type(optimizer).__name__),
                made_at=state.made_at,
                stepped_at=state.stepped_at,
                groups=tuple(_settings(group) for group in optimizer.param_groups),
                parameters=tuple(self._numbers.number(tensor) for tensor in tensors),
                made_after_step=state.made_after_step,
                made_with=tuple(rate if math.isfinite(rate) else 0.0 for rate in state.made_with),
            ),
        )


def _number(rate: Any) -> float:
    if isinstance(rate, torch.Tensor):
        return float(rate) if rate.device.type == "cpu" else float("nan")
    return float(rate) if isinstance(rate, Real) else float("nan")


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"parameters": len(group["params"])}
    for name, value in group.items():
        if isinstance(value, (tuple, list)) and name == "betas" and len(value) == 2:
            settings |= {"beta1": _number(value[0]), "beta2": _number(value[1])}
        elif isinstance(value, torch.Tensor):
            settings[name] = _number(value)
        elif value is None or isinstance(value, (bool, str)):
            settings[name] = value
        elif isinstance(value, Real):  # of NumPy too, as a schedule by np.cos gives it
            settings[name] = int(value) if isinstance(value, Integral) else float(value)
    return settings
