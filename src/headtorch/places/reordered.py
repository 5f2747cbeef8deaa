"""Reordered: where what was brought into another order is to come back, and does not."""

from __future__ import annotations

import ast
from collections import Counter

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
