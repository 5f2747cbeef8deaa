"""What the user calls the network and its optimizer."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.remedies.statements import assignment_at
from headtorch.signals import Fit, Signals


def callee(signals: Signals, where: Where | None) -> str | None:
    """What the call at a place calls, as it is written: `self.optimizer.step`."""
    call = signals.places.call_at(where) if where is not None else None
    return ast.unparse(call.func) if call is not None else None


def network_name(signals: Signals, fit: Fit) -> str | None:
    """What the user calls the network: the name that is called with the data."""
    for number in fit.objective.roots:
        module = signals.run.modules.get(number)
        if module is not None and (name := callee(signals, module.called_at)):
            return name
    return None


def optimizer_name(signals: Signals, where: Where | None) -> str | None:
    """What the optimizer is called that is made at a place."""
    assignment = assignment_at(signals, where)
    return ast.unparse(assignment.targets[0]) if assignment is not None else None


def stepped_name(signals: Signals, fit: Fit) -> str | None:
    """What the optimizer is called where it steps."""
    for optimizer in fit.followed_by[-1:]:
        name = callee(signals, optimizer.stepped_at)
        if name is not None and name.endswith(".step"):
            return name.removesuffix(".step")
    return None
