"""A training seen from outside: what a tool is given of a script that knows nothing of it.

A tool's documentation tells a person to write a line after `loss.backward()` or after `optimizer.step()`. Here the same
lines run from PyTorch's own hooks of the optimizer, with the network, the optimizer, the loss and the batch that they
would be given.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

LOSSES = (
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
)

Said = Iterable[str]


class Enough(BaseException):
    """Raised by a tool that has seen all it looks at, so that the script need not go on."""


class Watcher:
    """One tool at a training: what it asked to be called for, what it said, and why it broke down, if it did."""

    def __init__(self, tool: Any) -> None:
        self.before: list[Callable[[], object]] = []
        self.after: list[Callable[[], object]] = []
        self.said: list[str] = []
        self.trouble = ""
        self._tool = tool
        self._tell: Callable[[], Said] | None = None

    def begin(self, training: Training) -> None:
        """Let the tool attach itself."""
        training.before_update, training.after_update = self.before.append, self.after.append
        with self._guard():
            self._tell = self._tool.watch(training)

    def call(self, functions: list[Callable[[], object]]) -> None:
        """Run what it asked for."""
        for function in list(functions):
            with self._guard():
                function()

    def end(self) -> None:
        """Let it tell what it found."""
        if self._tell is not None and not self.trouble:
            with self._guard():
                self.said.extend(self._tell())

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except Exception as error:
            # A tool that raises here would have ended the script of the person who uses it.
            self.trouble = f"{type(error).__name__}: {error}"[:300]
            self.before.clear()
            self.after.clear()


class Training:
    """The training of a script, from its first step with an optimizer on.

    `inputs` is what the network was called with last: its one argument, or a tuple of several. `held_out` is the mean
    loss computed without gradients since the last step, and None where there was none.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    before_update: Callable[[Callable[[], object]], None]
    after_update: Callable[[Callable[[], object]], None]

    def __init__(self, watchers: Iterable[Watcher]) -> None:
        self.step = 0
        self.inputs: Any = None
        self.targets: Any = None
        self.loss_function: Callable[[Any, Any], torch.Tensor] | None = None
        self._watchers = list(watchers)
        self._roots: dict[nn.Module, Any] = {}
        self._depth = 0
        self._loss: torch.Tensor | None = None
        self._unseen: list[float] = []
        self._started = self._asking = False

    def __deepcopy__(self, memo: object) -> Training:
        """Itself: a tool that copies the network copies the hooks on it, and must not copy the script's training."""
        return self

    @property
    def loss(self) -> float:
        """The loss of this step."""
        return float("nan") if self._loss is None else self._loss.detach().float().mean().item()

    @property
    def rate(self) -> float:
        """The learning rate of the first group."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def held_out(self) -> float | None:
        """The held-out loss measured since the last step."""
        return sum(self._unseen) / len(self._unseen) if self._unseen else None

    def gradient_norm(self) -> float:
        """The norm of all gradients."""
        norms = [p.grad.detach().norm() for p in self.model.parameters() if p.grad is not None]
        return torch.stack(norms).norm().item() if norms else 0.0

    def observe(self) -> None:
        """Wait for the training."""
        self._passing = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave)]
        register_optimizer_step_pre_hook(self._before)
        register_optimizer_step_post_hook(self._after)
        torch.autograd.backward = self._noting_loss(torch.autograd.backward)
        for name in LOSSES:
            setattr(functional, name, self._noting_targets(getattr(functional, name)))

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        if self._depth == 0 and torch.is_grad_enabled() and any(p.requires_grad for p in module.parameters()):
            self._roots[module] = inputs
        self._depth += 1

    def _leave(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        self._depth = max(0, self._depth - 1)

    def _noting_loss(self, backward: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(backward)
        def noted(tensors: Any, *arguments: Any, **named: Any) -> None:
            if not self._asking:
                self._loss = tensors if isinstance(tensors, torch.Tensor) else next(iter(tensors))
            backward(tensors, *arguments, **named)

        return noted

    def _noting_targets(self, loss: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        @functools.wraps(loss)
        def noted(outputs: Any, targets: Any, *arguments: Any, **named: Any) -> torch.Tensor:
            value = loss(outputs, targets, *arguments, **named)
            if self._asking:
                return value
            named = {key: each for key, each in named.items() if key not in ("size_average", "reduce")}
            if not torch.is_grad_enabled():
                if value.numel() == 1:
                    self._unseen.append(value.item())
            elif value.requires_grad:
                self.targets = targets
                if self.loss_function is None:
                    same = functools.partial(loss, **named)
                    self.loss_function = nn.CrossEntropyLoss(**named) if loss.__name__ == "cross_entropy" else same
            return value

        return noted

    def _begin(self, optimizer: torch.optim.Optimizer) -> None:
        """Choose the network: what was called and belongs to this optimizer, or to no other."""
        self._started, self.optimizer = True, optimizer
        for handle in self._passing:
            handle.remove()
        others = {
            id(parameter)
            for each in gc.get_objects()
            if issubclass(type(each), torch.optim.Optimizer) and each is not optimizer
            for group in each.param_groups
            for parameter in group["params"]
        }
        roots = [root for root in self._roots if not any(id(p) in others for p in root.parameters())]
        if len(roots) == 1:
            self.model = roots[0]
        elif roots:
            self.model = nn.ModuleList(roots)
        else:
            self.model = nn.ParameterList([p for group in optimizer.param_groups for p in group["params"]])
        if roots:
            self.inputs = self._single(self._roots[roots[0]])
            roots[0].register_forward_pre_hook(self._noting_inputs)
        with self._tools_at_work():
            for watcher in self._watchers:
                watcher.begin(self)

    @contextlib.contextmanager
    def _tools_at_work(self) -> Iterator[None]:
        """While a tool takes passes and steps of its own: those are no part of the training."""
        self._asking = True
        try:
            yield
        finally:
            self._asking = False

    def _noting_inputs(self, module: nn.Module, inputs: Any) -> None:
        if torch.is_grad_enabled() and inputs and not self._asking:
            self.inputs = self._single(inputs)

    @staticmethod
    def _single(inputs: Any) -> Any:
        return inputs[0] if len(inputs) == 1 else inputs or None

    def _before(self, optimizer: torch.optim.Optimizer, arguments: Any, named: Any) -> None:
        if self._asking:
            return
        if not self._started:
            self._begin(optimizer)
        if optimizer is self.optimizer:
            with self._tools_at_work():
                for watcher in self._watchers:
                    watcher.call(watcher.before)

    def _after(self, optimizer: torch.optim.Optimizer, arguments: Any, named: Any) -> None:
        if optimizer is self.optimizer and not self._asking:
            with self._tools_at_work():
                for watcher in self._watchers:
                    watcher.call(watcher.after)
            self.step += 1
            self._unseen.clear()
