"""The variables that hold the data, followed to where they are made."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from headtorch import changes
from headtorch.model import Change, Edit, Where
from headtorch.places.trees import enclosing_function
from headtorch.signals import Fit, Signals

SAME = 0.02  # of a scale: two series of one tensor, each cut to a part of its elements, differ by less


class Made(NamedTuple):
    """A variable with data in it, and the statement that makes it; of a loop's variable, the loop's first one."""

    name: str
    place: Where
    in_loop: bool = False

    def then(self, code: str) -> Edit:
        """Put a statement where the variable has its data."""
        return (changes.insert_before if self.in_loop else changes.insert_after)(self.place, code)


def data_made(signals: Signals, stack: Sequence[Where], position: int = 0) -> Made | None:
    """The variable that the network, or a loss, is given in the call at the innermost place of a stack.

    A parameter of the function is followed to the function's caller.
    """
    call = signals.places.call_at(stack[0]) if stack else None
    tree = signals.places.tree(stack[0].file) if stack else None
    if call is None or tree is None or position >= len(call.args):
        return None
    roots = [node for node in ast.walk(call.args[position]) if isinstance(node, ast.Name)]
    if not roots:
        return None
    name, file = roots[0].id, stack[0].file
    scopes: list[ast.AST | None] = [enclosing_function(tree, stack[0].line), tree]
    for scope in scopes:
        if scope is None:
            continue
        made = [n for n in ast.walk(scope) if isinstance(n, ast.Assign) and name in _targets(n)]
        loops = [n for n in ast.walk(scope) if isinstance(n, ast.For) and name in _names(n.target)]
        if loops := [n for n in loops if n.lineno < stack[0].line <= (n.end_lineno or 0)]:
            return Made(name, signals.places.where(file, loops[-1].body[0]), in_loop=True)
        if made:
            return Made(name, signals.places.where(file, max(made, key=lambda node: node.lineno)))
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)) and len(stack) > 1:
            names = [argument.arg for argument in scope.args.args]
            if name in names:
                return data_made(signals, stack[1:], names.index(name) - (names[:1] == ["self"]))
    return None


def input_made(signals: Signals, fit: Fit) -> Made | None:
    """The variable with a fit's inputs."""
    backward = fit.objective.stack
    for number in fit.objective.roots:
        module = signals.run.modules.get(number)
        if module is not None and module.called_at is not None:
            return data_made(signals, (module.called_at, *backward[1:]))
    return None


def evaluated_made(signals: Signals) -> Made | None:
    """The variable with the evaluated inputs."""
    return data_made(signals, signals.evaluation)


def _targets(statement: ast.Assign) -> list[str]:
    """The names that an assignment gives values, those of a tuple too."""
    return [name for target in statement.targets for name in _names(target)]


def _names(target: ast.expr) -> list[str]:
    items = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    return [name for item in items for name in ([item.id] if isinstance(item, ast.Name) else [])]


def standardised(signals: Signals, fit: Fit) -> Iterator[Change]:
    """Bring inputs to mean 0 and deviation 1, and those that are evaluated by the same two numbers."""
    train, held_out = input_made(signals, fit), evaluated_made(signals)
    sentence, reconstructs = "bring the inputs to mean 0 and standard deviation 1", _is_its_own_target(fit)
    if train is None:
        return
    others = [held_out] if held_out is not None and held_out != train else []
    if train.in_loop or any(other.in_loop for other in others):
        inputs = fit.series("input").values
        if len(inputs):  # batch by batch, by what was measured of all
            mean, deviation = (float(sorted(inputs[:, column])[len(inputs) // 2]) for column in (0, 1))
            scaled_by = [m.then(f"{m.name} = ({m.name} - {mean:.4g}) / {deviation:.4g}") for m in (train, *others)]
            yield Change(sentence, tuple(scaled_by), alters_loss=reconstructs)
        return
    name, place = train.name, train.place
    for axis, what in (("0", f"{sentence}, each column"), ("", sentence)):
        mean_of, deviation_of = f"{name}.mean({axis})", f"({name}.std({axis}) + 1e-6)"
        own = f"{name} = ({name} - {mean_of}) / {deviation_of}"
        if not others or others[0].name == name or others[0].place.file != place.file:
            yield Change(what, (changes.insert_after(place, own),), alters_loss=reconstructs)
        else:
            other = others[0]
            last = max(place, other.place, key=lambda where: where.line)
            theirs = f"{other.name} = ({other.name} - {mean_of}) / {deviation_of}"
            edits = (changes.insert_after(last, theirs), changes.insert_after(last, own))
            yield Change(what, edits, alters_loss=reconstructs)


def _is_its_own_target(fit: Fit) -> bool:
    """Whether a network is to put out what it is given: other inputs are other targets then."""
    inputs, targets = fit.series("input"), fit.series("target")
    if not inputs or not targets:
        return False
    given, wanted = (np.median(series.values[:, :2], axis=0) for series in (inputs, targets))  # mean and deviation
    return bool(np.abs(given - wanted).max() < SAME * given[1])
