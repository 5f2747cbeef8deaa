"""Rounded: outputs that a script rounds and counts as right when they are equal, which makes classes of its numbers."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.places.trees import Trees, assigned_names, called

ROUNDS = ("round", "rint", "long", "int")


def rounded_and_equal(places: Trees, file: str) -> Where | None:
    """The first comparison with `==` of a file that has a rounded number on one side."""
    tree = places.tree(file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    rounded = {name for node in nodes for name in assigned_names(node) if _rounds(node)}
    for node in nodes:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            sides = (node.left, *node.comparators)
            if any(_rounds(side) or getattr(side, "id", None) in rounded for side in sides):
                return places.where(file, node)
    return None


def _rounds(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and called(part) in ROUNDS for part in ast.walk(node))
