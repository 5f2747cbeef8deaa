"""The statements around a place: loops, assignments, calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch import changes
from headtorch.model import Edit, Where
from headtorch.places.trees import called, enclosing_function
from headtorch.signals import Fit, Signals


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
