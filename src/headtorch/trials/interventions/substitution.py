"""Substitution: other examples for those that a script gives its network and its loss, while it trains.

What the network is given is taken at the outermost call of a module with parameters; what the loss compares with, at
the losses of torch.nn.functional and where the network's output is subtracted from something, or something from it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "soft_margin_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "hinge_embedding_loss", "gaussian_nll_loss", "poisson_nll_loss",
)  # fmt: skip

Exchange = Callable[[object, torch.Tensor, int], torch.Tensor]
"""What stands for a tensor of so many examples; the key tells the places where a pass gives one apart."""


class Substitution:
    """Exchanges inputs and targets. `targets_seen` says whether the loss shows any."""

    def __init__(self, inputs: Exchange, targets: Exchange) -> None:
        self._inputs = inputs
        self._targets = targets
        self._depth = 0
        self._examples = 0
        self._compared = 0  # since the network was called
        self._output: int | None = None  # where its storage lies
        self.targets_seen = False

    def install(self) -> None:
        """Put it in place."""
        original_call = nn.Module.__call__

        @functools.wraps(original_call)
        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            outermost = not self._depth and torch.is_grad_enabled() and next(module.parameters(), None) is not None
            if outermost:
                args, kwargs = self._given(id(module), args, kwargs)
            self._depth += 1
            try:
                output = original_call(module, *args, **kwargs)
            finally:
                self._depth -= 1
            if outermost:
                first = output[0] if isinstance(output, (tuple, list)) and output else output
                self._output = first.untyped_storage().data_ptr() if isinstance(first, torch.Tensor) else None
            return output

        nn.Module.__call__ = call  # type: ignore[method-assign]
        for name in LOSSES:
            setattr(functional, name, self._loss(getattr(functional, name)))
        for name in ("__sub__", "__rsub__", "sub"):
            setattr(torch.Tensor, name, self._difference(getattr(torch.Tensor, name)))

    def _given(self, module: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor) and each.dim()]
        if not tensors:
            return args, kwargs
        self._examples = size = tensors[0].shape[0]
        self._compared = 0

        def other(key: object, value: Any) -> Any:
            fits = isinstance(value, torch.Tensor) and value.dim() and value.shape[0] == size
            return self._inputs((module, key), value, size) if fits else value

        return tuple(other(i, each) for i, each in enumerate(args)), {k: other(k, each) for k, each in kwargs.items()}

    def _other_target(self, target: torch.Tensor) -> torch.Tensor:
        size = self._examples
        if not target.dim() or not size or target.shape[0] % size or not target.numel() or target.requires_grad:
            return target
        self.targets_seen = True
        self._compared += 1
        # Where a step of a sequence counts as an example, an example is a row of them.
        rows = target.reshape(size, target.shape[0] // size, *target.shape[1:])
        return self._targets(self._compared, rows, size).reshape(target.shape)

    def _loss(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def loss(input: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            if torch.is_grad_enabled() and isinstance(target, torch.Tensor) and input.requires_grad:
                target = self._other_target(target)
            self._depth += 1  # what it subtracts itself has been exchanged
            try:
                return original(input, target, *args, **kwargs)
            finally:
                self._depth -= 1

        return loss

    def _difference(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def difference(one: Any, other: Any, **kwargs: Any) -> Any:
            if not self._depth and self._output is not None and torch.is_grad_enabled():
                mine, theirs = self._is_output(one), self._is_output(other)
                if mine and not theirs and isinstance(other, torch.Tensor):
                    other = self._other_target(other)
                elif theirs and not mine and isinstance(one, torch.Tensor):
                    one = self._other_target(one)
            return original(one, other, **kwargs)

        return difference

    def _is_output(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.untyped_storage().data_ptr() == self._output
