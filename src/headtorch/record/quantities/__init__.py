"""What is measured at looked-at steps: one file a quantity.

A quantity's module says `OF`, what it is measured on, and has `measure`, which turns that into a small vector without
reading a value back from the device:

    OF            measured on                                            measure gets
    gradient      the parameters' gradients, right after backward        rows.Rows
    stale         what is in them before backward, after a step          rows.Rows
    weight        the parameters, right before backward                  rows.Rows
    update        their change from one backward to the next             rows.Updates
    activation    the outputs of non-linearities                         activations.Activations
    output_grad   the gradient of each layer's output                    rows.Rows
    input         the first tensor given to the network                  a tensor
    other input   the next one that holds floating-point numbers         a tensor
    prediction    what the loss gets from the network                    a tensor
    target        what the loss compares it with                         a tensor
    comparison    prediction and target                                  the loss's name and both tensors
    pair          the first tensor given to the network, and the target  entered.Entered and a tensor
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class Quantity(NamedTuple):
    """A quantity by its name, and how it is measured."""

    name: str
    measure: Callable[..., Any]


@cache
def of(kind: str) -> tuple[Quantity, ...]:
    """The quantities that are measured on one kind of thing."""
    found = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if kind == module.OF:
            found.append(Quantity(info.name, module.measure))
    return tuple(found)
