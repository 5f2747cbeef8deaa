"""Reordered: where what was brought into another order does not come back, or what belongs to it stays behind."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import pairwise

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes

SORTS = ("sort", "argsort")


def ordered_twice(trees: Trees, file: str) -> Where | None:
    """Where what was computed from `x[order]` is indexed by the order of a sort once more, `y[order]`, which brings it
    back only by `order.argsort()`."""
    for function in nodes(trees, file):
        if not isinstance(function, ast.FunctionDef):
            continue
        statements = [node for node in ast.walk(function) if isinstance(node, ast.stmt) and node is not function]
        statements.sort(key=lambda statement: statement.lineno)
        stored = Counter(
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        for order in (name for statement in statements for name in _orders(statement) if stored[name] == 1):
            reordered: set[str] = set()
            for statement in statements:
                value = getattr(statement, "value", None)
                if value is None:
                    continue
                for part in ast.walk(value):
                    if _takes(part, order) and _names(part) & reordered:
                        return trees.where(file, part)
                parts = list(ast.walk(value))
                if isinstance(statement, ast.Assign) and (
                    any(_takes(part, order) for part in parts) or any(_names(part) & reordered for part in parts)
                ):
                    reordered |= {
                        name.id
                        for target in statement.targets
                        for name in ast.walk(target)
                        if isinstance(name, ast.Name)
                    }
    return None


def _orders(statement: ast.stmt) -> list[str]:
    """The names that a statement gives the order of a sort: `values, order = x.sort()`, `order = x.argsort()`."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return []
    kind, target = called(statement.value), statement.targets[0]
    if kind == "sort" and isinstance(target, ast.Tuple):
        target = target.elts[-1]
    elif kind != "argsort":
        return []
    return [target.id] if isinstance(target, ast.Name) else []


def _takes(node: ast.AST, order: str) -> bool:
    """Whether something is taken in an order along its first dimension."""
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == order


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def shuffled_apart(trees: Trees, file: str) -> Where | None:
    """Where two arrays are shuffled one after the other, each in an order of its own, whose rows are later taken
    together: `a[i]` beside `b[i]`."""
    every = list(nodes(trees, file))
    beside = [
        {(part.value.id, ast.unparse(part.slice)) for part in _parts(node) if isinstance(part.value, ast.Name)}
        for node in every
        if isinstance(node, (ast.Tuple, ast.Call))
    ]
    for node in every:
        block = getattr(node, "body", None)
        for one, other in pairwise(block) if isinstance(block, list) else ():
            first, second = _shuffles(one), _shuffles(other)
            if first is None or second is None or first == second:
                continue
            if any({(first, at), (second, at)} <= pairs for pairs in beside for _, at in pairs):
                return trees.where(file, other)
    return None


def _shuffles(statement: ast.AST) -> str | None:
    """The name of what a statement shuffles in place."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or called(call) != "shuffle" or len(call.args) != 1:
        return None
    return call.args[0].id if isinstance(call.args[0], ast.Name) else None


def _parts(node: ast.Tuple | ast.Call) -> list[ast.Subscript]:
    """What is subscripted among the elements of a tuple, or the arguments of a call."""
    elements = node.elts if isinstance(node, ast.Tuple) else node.args
    return [element for element in elements if isinstance(element, ast.Subscript)]
