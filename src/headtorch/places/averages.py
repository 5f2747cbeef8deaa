"""Averages: where a moving average of the weights is kept in a format that has no room for its small steps."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes

HALVES = ("bfloat16", "float16", "half")
AVERAGING = ("add_", "lerp_")


def kept_in_half(trees: Trees, file: str) -> Where | None:
    """Where a network's weights are copied into half precision, to be averaged in place, a small part at each step:
    `shadow = {name: w.clone().bfloat16() for name, w in net.state_dict().items()}`."""
    every = list(nodes(trees, file))
    averaging = [
        {ast.unparse(part) for part in ast.walk(function) if isinstance(part, (ast.Name, ast.Attribute))}
        for function in every
        if isinstance(function, (ast.FunctionDef, ast.For, ast.While))
        if any(_is_small_part(call) for call in ast.walk(function) if isinstance(call, ast.Call))
    ]
    for node in every if averaging else ():
        copied = node.value if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(copied, (ast.DictComp, ast.ListComp)):
            continue
        of_weights = any(
            called(call) in ("state_dict", "parameters", "named_parameters")
            for call in ast.walk(copied.generators[0].iter)
            if isinstance(call, ast.Call)
        )
        value = copied.value if isinstance(copied, ast.DictComp) else copied.elt
        kept = ast.unparse(node.targets[0])
        if of_weights and _halves(value) and any(kept in names for names in averaging):
            return trees.where(file, value)
    return None


def _halves(value: ast.expr) -> bool:
    """Whether the last thing that an expression does is a cast to half precision."""
    if not isinstance(value, ast.Call):
        return False
    given = [getattr(each, "attr", None) for each in value.args]
    return called(value) in HALVES or (called(value) == "to" and any(each in HALVES for each in given))


def _is_small_part(call: ast.Call) -> bool:
    """Whether a call adds a part of something in place: `average.add_(w, alpha=s)`, `average.lerp_(w, s)`."""
    return called(call) in AVERAGING and (
        len(call.args) > 1 or any(k.arg in ("alpha", "weight") for k in call.keywords)
    )
