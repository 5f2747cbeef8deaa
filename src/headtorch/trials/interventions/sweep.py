"""Sweep: the learning rate grows by the same factor at every step, whatever the script sets.

A range test (Smith, 2017, Cyclical learning rates for training neural networks, section 3.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from headtorch.trials.interventions import rate


def install() -> Callable[[], bool]:
    """Set the rates of every optimizer before each of its steps; its groups keep their proportions."""
    taken: WeakKeyDictionary[Optimizer, int] = WeakKeyDictionary()
    shares: WeakKeyDictionary[Optimizer, list[float]] = WeakKeyDictionary()

    def before(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        step = taken.get(optimizer, 0)
        taken[optimizer] = step + 1
        if optimizer not in shares:
            own = [float(group["lr"]) for group in optimizer.param_groups]
            shares[optimizer] = [each / max(own) if max(own) > 0 else 1.0 for each in own]
        for group, share in zip(optimizer.param_groups, shares[optimizer], strict=False):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate(step) * share)
            else:
                group["lr"] = rate(step) * share

    register_optimizer_step_pre_hook(before)
    return lambda: bool(taken)
