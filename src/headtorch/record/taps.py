"""Taps: the few places in PyTorch where a training passes by, and what is put there.

    torch.autograd's call of its engine      every backward pass and torch.autograd.grad
    nn.Module.__call__                       the outermost module of a forward pass; while tracing, every module
    nn.Module.__init__, Optimizer.__init__   the user's line that makes a module or an optimizer
    nn.Module.load_state_dict                weights that come from elsewhere
    the hook after every optimizer's step
    the making and the steps of the optimizers of Keras and fastai
    clip_grad_norm_ and clip_grad_value_, GradScaler.update, the making of schedulers of the learning rate
    the loss functions below torch.nn.functional, for losses that no backward pass follows
    those of them that compare pairs, for targets that autograd does not keep
    the recurrent functions below torch.nn, for the state they begin with

    torch.set_anomaly_enabled                the user's own anomaly mode, which ends ours

All are left alone inside torch.compile, torch.jit.trace and torch.func. The loss functions are tapped below
`torch.nn.functional`, so that a warning that functional.py gives still names the user's line. Nothing here lets an
error of ours reach the training.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from types import CodeType
from typing import Any

import torch
from torch import nn
from torch._C._dynamo import eval_frame
from torch.autograd import graph as autograd_graph
from torch.compiler import is_compiling
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from headtorch.record import graph
from headtorch.record.aids import tap_clipping, tap_scaling, tap_schedulers
from headtorch.record.calm import Calm
from headtorch.record.compiler import leave_uncompiled, operations_are_not_run
from headtorch.record.foreign import tap_foreign
from headtorch.record.measure import keep_gradient
from headtorch.record.modules import is_put_together
from headtorch.record.pairs import tap_pairs
from headtorch.record.patches import Patches
from headtorch.record.recorder import Recorder
from headtorch.record.recurrent import FUNCTIONS
from headtorch.record.sharded import tap_sharding
from headtorch.record.tracing import Tracer
from headtorch.record.writer import Writer

MAX_ERRORS = 10
# Where each loss stands, its name, and at which position functional.py hands it the reduction.
LOSSES = (
    (torch._C._nn, "cross_entropy_loss", "cross_entropy", 3),
    (torch._C._nn, "nll_loss_nd", "nll", 3),
    (torch._C._nn, "mse_loss", "mse", 2),
    (torch._C._nn, "l1_loss", "l1", 2),
    (torch._C._nn, "smooth_l1_loss", "smooth_l1", 2),
    (torch._C._nn, "huber_loss", "huber", 2),
    (torch._C._nn, "binary_cross_entropy", "bce", 3),
    (torch, "binary_cross_entropy_with_logits", "bce_with_logits", 4),
    (torch, "kl_div", "kl_div", 2),
)
REST = 5.0  # seconds without a backward pass, after which another thread's training is recorded
SUM = 2  # PyTorch's number for the reduction


class _Thread(threading.local):
    depth = 0  # of module calls
    in_backward = False
    aside = False  # our own code runs


class Taps:
    """The taps of one recorder, in place from `install` to `remove`."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.enabled = True
        self.errors: list[str] = []
        self._patches = Patches()
        self._thread = _Thread()
        self._trainer: int | None = None  # the thread whose training is recorded: two at once would mix their tensors
        self._trained = 0.0  # when it last did
        self._has_parameters: dict[int, bool] = {}
        reference = weakref.ref(self)  # what is registered there stays for ever
        os.register_at_fork(after_in_child=lambda: _disable_in_child(reference))

    def _disable(self) -> None:
        self.enabled = False
        self.recorder.tracer.stop()

    def install(self) -> None:
        """Put every tap in place and begin to trace."""
        leave_uncompiled(
            Taps._contained,
            Taps._calm,
            Calm.enters,
            Calm.passed,
            Calm.steps,
            Writer.sample,
            Taps._enter,
            Taps._leave,
            Tracer.stop,
            keep_gradient,
        )
        self._tap_engine()
        self._tap_modules()
        self._tap_optimizers()
        self._tap_losses()
        self._tap_recurrent()
        tap_clipping(self._contained, self.recorder, self._patches)
        tap_scaling(self._contained, self.recorder, self._patches)
        tap_schedulers(self._contained, self.recorder, self._patches)
        tap_pairs(self._contained, self.recorder.pairs_compared, self._patches)
        tap_foreign(self._contained, self.recorder, self._patches)
        tap_sharding(self._contained, self._patches)
        self._tap_saved_tensor_hooks()
        self._tap_anomaly_mode()
        self.recorder.tracer.start()

    def close(self) -> None:
        """Bring to the writer what is on its way, and watch no longer."""
        self.enabled = True  # what has been measured is brought home even after too many errors
        self._trainer = None
        self._contained(self.recorder.close)
        self._disable()

    def remove(self) -> None:
        """Take every tap out."""
        self._patches.undo()

    def _contained(self, do: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the recorder aside from the training: no gradient, no modes, no error gets out."""
        if not self.enabled or self._thread.aside or self._trainer not in (None, threading.get_ident()):
            return None
        self._thread.aside = True
        compiler = eval_frame.set_eval_frame(None)  # else torch.compile would take our functions for the user's
        # A graph has thousands of nodes: collections would come that the training alone would not have, and of a large
        # program each takes as long as a step.
        collects = gc.isenabled()
        gc.disable()
        try:
            if operations_are_not_run():
                return None
            with torch._C.DisableTorchFunction():
                grad = torch.is_grad_enabled()
                torch._C._set_grad_enabled(False)  # torch.no_grad() would be most of what a tap costs
                try:
                    self.recorder.settle()
                    return do(*args)
                finally:
                    torch._C._set_grad_enabled(grad)
        except Exception:
            self.errors.append(traceback.format_exc(limit=-4))
            if len(self.errors) >= MAX_ERRORS:
                self._disable()
            return None
        finally:
            if collects:
                gc.enable()
            eval_frame.set_eval_frame(compiler)
            self._thread.aside = False

    def _calm(self, do: Callable[..., bool], *args: Any) -> bool:
        """Ask, without a guard, whether something is a part of the calm that needs no more than that."""
        if not self.enabled or self._thread.aside or self._trainer != threading.get_ident():
            return False
        try:
            return do(*args)
        except Exception:
            return False

    def _trains(self) -> bool:
        """Whether this thread's training is the one that is recorded: the first, and the next one once that rests."""
        now, me = time.monotonic(), threading.get_ident()
        if self._trainer != me:
            if self._trainer is not None and now - self._trained < REST:
                self.recorder.other_threads.add(me)
                return False
            self._trainer = me
        self._trained = now
        return True

    def _tap_engine(self) -> None:
        original = autograd_graph._engine_run_backward
        taps, thread, recorder = self, self._thread, self.recorder
        calm = recorder.calm

        @functools.wraps(original)
        def engine_run_backward(outputs: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling() or not taps.enabled or thread.in_backward or thread.aside or not taps._trains():
                return original(outputs, *args, **kwargs)
            # The positions are (grad_outputs, retain_graph, create_graph, inputs).
            wanted = args[3] if len(args) > 3 else ()
            makes_graph = bool(args[2]) if len(args) > 2 else False
            accumulates = bool(kwargs.get("accumulate_grad", False))
            root = outputs[0] if outputs else None
            now = None
            again = calm.left and accumulates and not wanted and taps._calm(calm.passed, root, sys._getframe())
            if not again:
                now = taps._contained(recorder.before_backward, root, wanted or (), accumulates, makes_graph)
                recorder.tracer.stop()
            thread.in_backward = True
            try:
                result = original(outputs, *args, **kwargs)
            finally:
                thread.in_backward = False
            if now is not None:
                taps._contained(recorder.after_backward, now, None if accumulates else result)
            return result

        recorder.engine = engine_run_backward.__code__  # type: ignore[attr-defined]
        leave_uncompiled(engine_run_backward)
        for module in (torch.autograd, autograd_graph):
            self._patches.put(module, "_engine_run_backward", engine_run_backward)

    def _tap_modules(self) -> None:
        original_call, original_init = nn.Module.__call__, nn.Module.__init__
        taps, thread, recorder = self, self._thread, self.recorder
        tracer = recorder.tracer

        # Does what the original does instead of calling it: a frame more for each module would bring deep networks to
        # Python's limit of recursion, and a warning to another line.
        @functools.wraps(original_call)
        def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if is_compiling():
                return (self._compiled_call_impl or self._call_impl)(*args, **kwargs)
            watched = taps.enabled and not thread.aside and (not thread.depth or tracer.on)
            if watched:
                taps._enter(self, args, kwargs)
            try:
                return (self._compiled_call_impl or self._call_impl)(*args, **kwargs)
            finally:
                if watched:
                    taps._leave()

        call.__code__ = _told_as(call.__code__, original_call.__code__, lines_after=2)  # type: ignore[attr-defined]

        @functools.wraps(original_init)
        def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
            original_init(self, *args, **kwargs)
            if not is_compiling():
                taps._contained(recorder.modules.made, self)

        original_load = nn.Module.load_state_dict

        @functools.wraps(original_load)
        def load_state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original_load(self, *args, **kwargs)
            if not is_compiling():
                state = args[0] if args else kwargs.get("state_dict")
                taps._contained(recorder.state_loaded, self, state, result)
            return result

        leave_uncompiled(init, load_state_dict)
        self._patches.put(nn.Module, "load_state_dict", load_state_dict)
        self._patches.put(nn.Module, "__call__", call)
        self._patches.put(nn.Module, "__init__", init)

    def _enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A module is called, the outermost one or a traced one."""
        holds = module._parameters or module._modules  # a loss module has neither
        if not self._thread.depth and holds and not is_put_together(args):
            calm = self.recorder.calm
            if not (calm.left and self._calm(calm.enters, module, args)):
                self._contained(self._root_called, module, args, kwargs, torch.is_grad_enabled())
        if self.recorder.tracer.on:
            self._contained(self.recorder.modules.called, module)
            self.recorder.tracer.modules.append(id(module))
        self._thread.depth += 1

    def _leave(self) -> None:
        self._thread.depth -= 1
        if self.recorder.tracer.modules:
            self.recorder.tracer.modules.pop()

    def _root_called(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], grad: bool) -> None:
        if self._learns(module) and (not grad or self._trains()):
            self.recorder.root_called(module, args, kwargs, grad)

    def _learns(self, module: nn.Module) -> bool:
        """Whether a module has parameters."""
        known = self._has_parameters.get(id(module), False)
        if not known:
            known = self._has_parameters[id(module)] = next(nn.Module.parameters(module), None) is not None
        return known

    def _tap_optimizers(self) -> None:
        original = Optimizer.__init__
        taps, recorder = self, self.recorder
        calm = recorder.calm

        @functools.wraps(original)
        def init(self: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if not is_compiling():
                taps._contained(recorder.optimizer_made, self)

        def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            if not is_compiling() and not (calm.left and taps._calm(calm.steps, optimizer)):
                taps._contained(recorder.optimizer_stepped, optimizer)

        leave_uncompiled(init, stepped)
        self._patches.put(Optimizer, "__init__", init)
        self._patches.after(register_optimizer_step_post_hook(stepped).remove)

    def _tap_losses(self) -> None:
        for module, attribute, name, reduction in LOSSES:
            original = getattr(module, attribute, None)
            if original is not None:
                self._patches.put_builtin(module, attribute, self._loss(original, name, reduction))

    def _tap_recurrent(self) -> None:
        for name in FUNCTIONS:
            self._patches.put_builtin(torch._VF, name, self._recurrent(getattr(torch._VF, name)))

    def _recurrent(self, original: Callable[..., Any]) -> Callable[..., Any]:
        taps, recorder = self, self.recorder

        def recurrent(*args: Any) -> Any:
            result = original(*args)
            if not is_compiling() and taps.enabled:
                taps._contained(recorder.recurrent_called, args, result, torch.is_grad_enabled())
            return result

        leave_uncompiled(recurrent)
        return recurrent

    def _loss(self, original: Callable[..., Any], name: str, reduction: int) -> Callable[..., Any]:
        taps, recorder = self, self.recorder

        def loss(*args: Any, **kwargs: Any) -> Any:
            value = original(*args, **kwargs)
            if not is_compiling() and taps.enabled and len(args) > 1 and not recorder.trains(torch.is_grad_enabled()):
                summed = len(args) > reduction and args[reduction] == SUM
                taps._contained(recorder.loss_called, name, value, args[0], args[1], summed)
            return value

        loss.__name__, loss.__doc__ = attribute_of(original), original.__doc__
        leave_uncompiled(loss)
        return loss

    def _tap_saved_tensor_hooks(self) -> None:
        """Once saved tensors are packed by hooks, reading one may run a forward pass again: they are left alone
        then."""
        original = torch._C._autograd._push_saved_tensors_default_hooks

        def push(*args: Any) -> Any:
            graph.leave_saved_tensors_alone()
            return original(*args)

        leave_uncompiled(push)
        self._patches.put(torch._C._autograd, "_push_saved_tensors_default_hooks", push)

    def _tap_anomaly_mode(self) -> None:
        """The tracer uses anomaly mode: the user sees only his own, and his ends the tracer's."""
        tracer = self.recorder.tracer

        def set_anomaly_enabled(*args: Any, **kwargs: Any) -> None:
            tracer.stop()
            torch._C.set_anomaly_enabled(*args, **kwargs)

        def is_anomaly_enabled() -> bool:
            return not tracer.on and torch._C.is_anomaly_enabled()

        def is_anomaly_check_nan_enabled() -> bool:
            return tracer.check_nan if tracer.on else torch._C.is_anomaly_check_nan_enabled()

        for stand_in in (set_anomaly_enabled, is_anomaly_enabled, is_anomaly_check_nan_enabled):
            leave_uncompiled(stand_in)
            self._patches.put(torch, stand_in.__name__, stand_in)


def _disable_in_child(reference: weakref.ref[Taps]) -> None:
    if (taps := reference()) is not None:
        taps._disable()


def _told_as(code: CodeType, original: CodeType, lines_after: int) -> CodeType:
    """Code that tracebacks and warnings tell as `original`: the file, and the number of the last line.

    `lines_after` are the lines of `code` that come after the one which is told as that last line.
    """
    lines = sorted({line for *_, line in code.co_lines() if line is not None})
    last = max(line for *_, line in original.co_lines() if line is not None)
    first = code.co_firstlineno + last - lines[-1 - lines_after]
    return code.replace(co_filename=original.co_filename, co_firstlineno=first)


def attribute_of(function: Callable[..., Any]) -> str:
    """The name under which a built-in function stands in its module."""
    return getattr(function, "__name__", "loss")
