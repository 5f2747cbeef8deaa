"""Backward: the gradients that a Function of the user's own gives."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.places.trees import Trees, nodes


def gradients_of(trees: Trees, file: str, name: str) -> Where | None:
    """What the backward pass of a Function of this name returns, where a file holds it."""
    for kind in nodes(trees, file):
        if isinstance(kind, ast.ClassDef) and kind.name == name:
            for method in kind.body:
                if isinstance(method, ast.FunctionDef) and method.name == "backward":
                    returns = [node for node in ast.walk(method) if isinstance(node, ast.Return)]
                    return trees.where(file, returns[-1]) if returns else None
    return None
