"""Remedies: what the changes of several rules have in common."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from headtorch import changes
from headtorch.model import Change, Edit, Where
from headtorch.places.trees import assigned_names, called, enclosing_function
from headtorch.signals import Fit, Signals

# ---- numbers ------------------------------------------------------------------------------------------------------


def scaled(
    signals: Signals,
    where: Where | None,
    name: str,
    sentence: str,
    factors: Sequence[float],
    recorded: float | None = None,
) -> Iterator[Change]:
    """The number at a place, or else the recorded one, times each factor. `name` is its argument's name."""
    if where is None:
        return
    number = changes.number_at(signals.run.sources, where)
    number = number if number is not None else recorded
    yield from valued(where, name, sentence, [number * factor for factor in factors] if number else ())


def valued(where: Where | None, name: str, sentence: str, values: Sequence[float]) -> Iterator[Change]:
    """Each of these values for the number at a place."""
    for value in values if where is not None else ():
        code = f"{value:.6g}"
        if where is not None:
            yield Change(f"{sentence} {code}", (changes.set_value(where, code, name),), knob=name)


def lower_rate(signals: Signals, factors: Sequence[float] = (0.1, 0.01, 0.001)) -> Iterator[Change]:
    """A lower learning rate for the longest fit."""
    fit = signals.longest
    yield from scaled(signals, signals.rate_place(fit), "lr", "lower the learning rate to", factors, largest_rate(fit))


def largest_rate(fit: Fit) -> float | None:
    """The largest learning rate that a fit's optimizers had."""
    rates = [float(series.values.max()) for series in fit.rates.values() if series]
    return max(rates, default=None)


# ---- names --------------------------------------------------------------------------------------------------------


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


# ---- statements ---------------------------------------------------------------------------------------------------


def training_loops(signals: Signals, fit: Fit) -> list[ast.For | ast.While]:
    """The loops around the backward pass of a fit in its function, innermost first."""
    where = fit.objective.backward_at
    tree = signals.places.tree(where.file) if where is not None else None
    if where is None or tree is None:
        return []
    scope = enclosing_function(tree, where.line) or tree
    around = [
        node
        for node in ast.walk(scope)
        if isinstance(node, (ast.For, ast.While)) and node.lineno < where.line <= (node.end_lineno or 0)
    ]
    return sorted(around, key=lambda loop: -loop.lineno)


def at_each_epoch(signals: Signals, fit: Fit, code: str) -> Iterator[tuple[Edit, ...]]:
    """Ways to put a statement where the training begins again after an evaluation."""
    loops, where = training_loops(signals, fit), fit.objective.backward_at
    if where is None:
        return
    if len(loops) > 1:
        yield (changes.insert_before(signals.places.where(where.file, loops[0]), code),)
    for loop in loops[:1]:
        yield (changes.insert_before(signals.places.where(where.file, loop.body[0]), code),)


def source_of(signals: Signals, where: Where, node: ast.AST) -> str:
    """The text of a node in the file of a place, as the user wrote it."""
    return ast.get_source_segment(signals.run.sources[where.file], node) or ast.unparse(node)


def assignment_at(signals: Signals, where: Where | None) -> ast.Assign | None:
    """The assignment that stands at a place, or holds it."""
    tree = signals.places.tree(where.file) if where is not None else None
    found = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.Assign) and where is not None and node.lineno <= where.line <= (node.end_lineno or 0)
    ]
    return max(found, key=lambda node: node.lineno, default=None)


def standardised(signals: Signals, train: Where | None, held_out: Where | None, position: int) -> Iterator[Change]:
    """Bring what is assigned at a place to mean 0 and deviation 1, and what is evaluated by the same two numbers.

    `position` says which pair of names a split into four gives: 0 for inputs, 1 for targets.
    """
    first = assignment_at(signals, train)
    if first is None or train is None or callee(signals, train) == network_name(signals, signals.longest):
        return  # that is where the data goes in, not where it is made
    names = assigned_names(first) or _split_names(first, position)
    second = assignment_at(signals, held_out)
    last = first
    if len(names) == 1 and second is not None and second is not first and held_out is not None:
        others = assigned_names(second)
        if held_out.file == train.file and others and others != names:
            names = [names[0], *others[:1]]
            last = max(first, second, key=lambda node: node.lineno)
    if not names:
        return
    place = signals.places.where(train.file, last)
    for axis, what in (("0", "each column"), ("", "all values")) if position == 0 else (("", "the targets"),):
        small = " + 1e-6" if position == 0 else ""
        own = names[0]
        edits: tuple[Edit, ...]
        if len(names) == 1:
            code = f"{own} = ({own} - {own}.mean({axis})) / ({own}.std({axis}){small})"
            if not small:
                code = f"{own} = ({own} - {own}.mean({axis})) / {own}.std({axis})"
            edits = (changes.insert_after(place, code),)
        else:
            given = f"mean, std = {own}.mean({axis}), {own}.std({axis}){small}"
            both = f"{', '.join(names)} = {', '.join(f'({name} - mean) / std' for name in names)}"
            edits = (changes.insert_after(place, given), changes.insert_after(place, both))
        yield Change(f"bring {what} to mean 0 and standard deviation 1", edits)


def _split_names(statement: ast.Assign, position: int) -> list[str]:
    """The two names for training and evaluation of `a, b, c, d = train_test_split(...)`."""
    target = statement.targets[0]
    if not isinstance(target, ast.Tuple) or len(target.elts) != 4:
        return []
    names = [item.id for item in target.elts if isinstance(item, ast.Name)]
    return names[2 * position : 2 * position + 2] if len(names) == 4 else []


def calls_on_line(signals: Signals, where: Where | None, *names: str) -> Iterator[tuple[ast.Call, Where]]:
    """The calls of these names in the statement that holds a place."""
    tree = signals.places.tree(where.file) if where is not None else None
    if tree is None or where is None:
        return
    statements = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= where.line <= (node.end_lineno or 0)
    ]
    innermost = min(statements, key=lambda node: (node.end_lineno or 0) - node.lineno, default=None)
    for node in ast.walk(innermost) if innermost is not None else ():
        if isinstance(node, ast.Call) and called(node) in names:
            yield node, signals.places.where(where.file, node)
