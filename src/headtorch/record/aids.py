"""Taps on what helps an optimizer: clipping of gradients, scaling of the loss, schedules of the learning rate."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler

from headtorch.record.compiler import leave_uncompiled
from headtorch.record.patches import Patches
from headtorch.record.recorder import Recorder

Contained = Callable[..., Any]  # calls a method of the recorder aside from the training


def tap_clipping(contained: Contained, recorder: Recorder, patches: Patches) -> None:
    """Tap the clipping of gradients, by their norm and by the value of each element."""
    by_norm, by_value = clip_grad.clip_grad_norm_, clip_grad.clip_grad_value_

    @functools.wraps(by_norm)
    def clip_grad_norm_(parameters: Any, max_norm: float, *args: Any, **kwargs: Any) -> torch.Tensor:
        norm = by_norm(parameters, max_norm, *args, **kwargs)
        if not is_compiling():
            contained(recorder.gradients_clipped, float(max_norm), norm)
        return norm

    @functools.wraps(by_value)
    def clip_grad_value_(parameters: Any, clip_value: float, *args: Any, **kwargs: Any) -> None:
        if not is_compiling():
            contained(recorder.values_to_clip, clip_value)
        by_value(parameters, clip_value, *args, **kwargs)

    leave_uncompiled(clip_grad_norm_, clip_grad_value_)
    for module in (clip_grad, nn.utils):
        patches.put(module, "clip_grad_norm_", clip_grad_norm_)
        patches.put(module, "clip_grad_value_", clip_grad_value_)


def tap_scaling(contained: Contained, recorder: Recorder, patches: Patches) -> None:
    """Tap the updates of a GradScaler."""
    original = GradScaler.update

    @functools.wraps(original)
    def update(self: GradScaler, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        contained(recorder.loss_scaled, self)

    leave_uncompiled(update)
    patches.put(GradScaler, "update", update)


def tap_schedulers(contained: Contained, recorder: Recorder, patches: Patches) -> None:
    """Tap the making of schedulers of the learning rate.

    No call of theirs is wrapped: a frame more would bring their warnings to another line.
    """

    def new(kind: type[lr_scheduler.LRScheduler], *_: Any, **__: Any) -> lr_scheduler.LRScheduler:
        scheduler = object.__new__(kind)
        contained(recorder.scheduler_made, scheduler)
        return scheduler

    leave_uncompiled(new)

    def plain(kind: type[lr_scheduler.LRScheduler], *_: Any, **__: Any) -> lr_scheduler.LRScheduler:
        return object.__new__(kind)

    lr_scheduler.LRScheduler.__new__ = new  # type: ignore[method-assign, assignment]
    # Without a `__new__` again, Python would refuse the arguments that are meant for `__init__`.
    patches.after(lambda: setattr(lr_scheduler.LRScheduler, "__new__", plain))
