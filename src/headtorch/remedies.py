"""Remedies: what the changes of several rules have in common."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headtorch import changes
from headtorch.model import Change, Edit, Where
from headtorch.places.trees import called, enclosing_function
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
    """Ways to put a statement where the training goes on after an evaluation: before the batches, or before each."""
    loops, where = training_loops(signals, fit), fit.objective.backward_at
    if where is None or not loops:
        return
    body = loops[0].body
    first = next((i for i, node in enumerate(body) if (node.end_lineno or 0) >= where.line), 0)
    while first and (isinstance(body[first - 1], ast.Assign) or ast.unparse(body[first - 1]).endswith(".zero_grad()")):
        first -= 1
    each = (changes.insert_before(signals.places.where(where.file, body[first]), code),)
    before = (changes.insert_before(signals.places.where(where.file, loops[0]), code),)
    evaluates_inside = any(isinstance(node, (ast.If, ast.With, ast.Expr)) for node in body[:first])
    yield from [each] if len(loops) == 1 else [each, before] if evaluates_inside else [before, each]


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


class Made(NamedTuple):
    """A variable with data in it, and the statement that makes it; for a loop's variable, the loop's first statement."""

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
    sentence = "bring the inputs to mean 0 and standard deviation 1"
    if train is None:
        return
    others = [held_out] if held_out is not None and held_out != train else []
    if train.in_loop or any(other.in_loop for other in others):
        inputs = fit.series("input").values
        if len(inputs):  # batch by batch, by what was measured of all
            mean, deviation = (float(sorted(inputs[:, column])[len(inputs) // 2]) for column in (0, 1))
            scaled_by = [m.then(f"{m.name} = ({m.name} - {mean:.4g}) / {deviation:.4g}") for m in (train, *others)]
            yield Change(sentence, tuple(scaled_by))
        return
    name, place = train.name, train.place
    for axis, what in (("0", f"{sentence}, each column"), ("", sentence)):
        mean_of, deviation_of = f"{name}.mean({axis})", f"({name}.std({axis}) + 1e-6)"
        own = f"{name} = ({name} - {mean_of}) / {deviation_of}"
        if not others or others[0].name == name or others[0].place.file != place.file:
            yield Change(what, (changes.insert_after(place, own),))
        else:
            other = others[0]
            last = max(place, other.place, key=lambda where: where.line)
            theirs = f"{other.name} = ({other.name} - {mean_of}) / {deviation_of}"
            yield Change(what, (changes.insert_after(last, theirs), changes.insert_after(last, own)))


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
