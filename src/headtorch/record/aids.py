"""Taps on what helps an optimizer: clipping of gradients, scaling of the loss, schedules of the learning rate."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler

from headtorch.record.compiler import leave_uncompiled
from headtorch.record.recorder import Recorder

Contained = Callable[..., Any]  # calls a method of the recorder aside from the training


class _Thread(threading.local):
    within = False  # a scheduler's own call


def tap_clipping(contained: Contained, recorder: Recorder) -> None:
    """Tap the clipping of gradients by their norm."""
    original = clip_grad.clip_grad_norm_

    @functools.wraps(original)
    def clip_grad_norm_(parameters: Any, max_norm: float, *args: Any, **kwargs: Any) -> torch.Tensor:
        norm = original(parameters, max_norm, *args, **kwargs)
        if not is_compiling():
            contained(recorder.gradients_clipped, float(max_norm), norm)
        return norm

    leave_uncompiled(clip_grad_norm_)
    for module in (clip_grad, nn.utils):
        module.clip_grad_norm_ = clip_grad_norm_  # type: ignore[attr-defined]


def tap_scaling(contained: Contained, recorder: Recorder) -> None:
    """Tap the updates of a GradScaler."""
    original = GradScaler.update

    @functools.wraps(original)
    def update(self: GradScaler, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        contained(recorder.loss_scaled, self)

    leave_uncompiled(update)
    GradScaler.update = update  # type: ignore[method-assign]


def tap_schedulers(contained: Contained, recorder: Recorder) -> None:
    """Tap the schedulers' steps.

    The outermost of each scheduler's calls counts; the step that it takes when it is made does not.
    """
    thread = _Thread()

    def tapped(original: Callable[..., Any], tells: bool) -> Callable[..., Any]:
        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            outermost, thread.within = not thread.within, True
            try:
                return original(self, *args, **kwargs)
            finally:
                if outermost:
                    thread.within = False
                    if tells:
                        contained(recorder.rate_scheduled, self)

        leave_uncompiled(method)
        return method

    for kind in vars(lr_scheduler).values():
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler):
            for name in {"step", "__init__"} & vars(kind).keys():
                setattr(kind, name, tapped(vars(kind)[name], tells=name == "step"))
