"""Optimizers that are none of PyTorch's: those of Keras and fastai, tapped once the script has imported them."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch

from headtorch.record import after_import
from headtorch.record.compiler import leave_uncompiled
from headtorch.record.patches import Patches
from headtorch.record.recorder import Recorder

Contained = Callable[..., Any]  # calls a method of the recorder aside from the training


class KerasOptimizer:
    """An optimizer of Keras, seen as one of PyTorch's: with groups of parameters, each with a rate."""

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = weakref.ref(optimizer)
        self.kind = type(optimizer).__name__
        self.updated: list[weakref.ref[Any]] = []  # the variables of its last step

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """What it was given at its last step, before the first what it was built for, in one group."""
        if (optimizer := self._optimizer()) is None:
            return []
        updated = [variable for reference in self.updated if (variable := reference()) is not None]
        tensors = [variable.value for variable in updated or optimizer._trainable_variables]
        rate = optimizer._get_current_learning_rate()
        rate = getattr(rate, "value", rate)
        if isinstance(rate, torch.Tensor) and rate.device.type == "cpu":
            rate = rate.item()
        return [{"params": tensors, "lr": rate}]


def tap_foreign(contained: Contained, recorder: Recorder, patches: Patches) -> None:
    """Tap the optimizers of each library as soon as it is there."""
    for name, tap in (("keras.src.optimizers.base_optimizer", _tap_keras), ("fastai.optimizer", _tap_fastai)):
        after_import(name, functools.partial(contained, tap, name, contained, recorder, patches))


def _tap_fastai(name: str, contained: Contained, recorder: Recorder, patches: Patches) -> None:
    kind = sys.modules[name].Optimizer
    original_init, original_step = kind.__init__, kind.step

    @functools.wraps(original_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        contained(recorder.optimizer_made, self)

    @functools.wraps(original_step)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original_step(self, *args, **kwargs)
        contained(recorder.optimizer_stepped, self)
        return result

    leave_uncompiled(init, step)
    patches.put(kind, "__init__", init)
    patches.put(kind, "step", step)


def _tap_keras(name: str, contained: Contained, recorder: Recorder, patches: Patches) -> None:
    kind = sys.modules[name].BaseOptimizer
    original_init, original_build, original_apply = kind.__init__, kind.build, kind.apply
    seen: weakref.WeakKeyDictionary[Any, KerasOptimizer] = weakref.WeakKeyDictionary()

    @functools.wraps(original_init)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        contained(made, self)

    def made(optimizer: Any) -> None:
        if optimizer not in seen:
            seen[optimizer] = KerasOptimizer(optimizer)
            recorder.optimizers.note_asked_for(seen[optimizer])

    def built(optimizer: Any) -> None:
        made(optimizer)
        recorder.optimizer_made(seen[optimizer])

    def applied(optimizer: Any, variables: Any = None) -> None:
        made(optimizer)
        seen[optimizer].updated = [weakref.ref(variable) for variable in variables or ()]
        recorder.optimizer_stepped(seen[optimizer])

    # Every optimizer of Keras calls the base's `build` from its own, before it makes variables for its state.
    @functools.wraps(original_build)
    def build(self: Any, *args: Any, **kwargs: Any) -> None:
        original_build(self, *args, **kwargs)
        contained(built, self)

    @functools.wraps(original_apply)
    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        result = original_apply(self, grads, trainable_variables)
        contained(applied, self, trainable_variables)
        return result

    leave_uncompiled(init, build, apply)
    for attribute, stand_in in (("__init__", init), ("build", build), ("apply", apply)):
        patches.put(kind, attribute, stand_in)
