"""Reseeded: where what draws the examples of a round begins from the same seed in each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes

SEEDED = ("default_rng", "RandomState", "Random", "manual_seed", "seed")


def seeded_anew(trees: Trees, file: str) -> Where | None:
    """Where an `__iter__` seeds what it draws by a number that is the same at each call."""
    for kind in nodes(trees, file):
        if not isinstance(kind, ast.ClassDef):
            continue
        methods = [node for node in kind.body if isinstance(node, ast.FunctionDef)]
        changed = {name for method in methods if method.name != "__init__" for name in _changed(method)}
        for method in methods:
            for call in ast.walk(method) if method.name == "__iter__" else ():
                if (
                    isinstance(call, ast.Call)
                    and called(call) in SEEDED
                    and call.args
                    and _stays(call.args[0], changed)
                ):
                    return trees.where(file, call)
    return None


def _changed(method: ast.FunctionDef) -> Iterator[str]:
    """The names and attributes that a method gives another value."""
    for node in ast.walk(method):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node)


def _stays(seed: ast.expr, changed: set[str]) -> bool:
    """Whether a seed is made of numbers and of what nothing changes, and of no call, as of the clock."""
    parts = list(ast.walk(seed))
    named = {ast.unparse(node) for node in parts if isinstance(node, (ast.Name, ast.Attribute))}
    return not any(isinstance(node, ast.Call) for node in parts) and not named & changed
