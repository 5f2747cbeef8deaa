"""Interventions: what a trial changes of a training without an edit of its source.

An intervention is one module here. Its `install()` runs in the process of the trial once PyTorch is there; what it
returns says, at the end, whether there was anything to change.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module


def install(name: str) -> Callable[[], bool]:
    """Put an intervention in place."""
    worked: Callable[[], bool] = import_module(f"{__name__}.{name}").install()
    return worked
