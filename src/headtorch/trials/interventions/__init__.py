"""Interventions: what a trial changes of a training without an edit of its source.

An intervention is one module here. Its `install()` runs in the process of the trial once PyTorch is there; what it
returns says, at the end, whether there was anything to change. This file knows nothing of PyTorch: what judges a trial
reads here how it went.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

FEW = 3  # examples to be learned by heart
LOWEST_RATE, HIGHEST_RATE = 1e-6, 10.0
SWEEP = 80  # steps, eleven for each power of ten


def rate(step: int) -> float:
    """The learning rate of a sweep's step, counted from 0."""
    share = min(step, SWEEP - 1) / (SWEEP - 1)
    return float(LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** share)


def install(name: str) -> Callable[[], bool]:
    """Put an intervention in place."""
    worked: Callable[[], bool] = import_module(f"{__name__}.{name}").install()
    return worked
