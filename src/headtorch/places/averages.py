"""Averages: where a moving average of the weights is kept in a format that has no room for its small steps."""

from __future__ import annotations

import ast

from headtorch.model import Where
from headtorch.places.trees import Trees, called, nodes

HALVES = ("bfloat16", "float16", "half")
AVERAGING = ("add_", "lerp_")


def kept_in_half(trees: Trees, file: str) -> Where | None:
    """Where a network's weights are copied into half precision, in a file that averages in place, a small part at each
    step: `{name: w.clone().bfloat16() for name, w in net.state_dict().items()}`."""
    every = list(nodes(trees, file))
    averages = any(_is_small_part(node) for node in every if isinstance(node, ast.Call))
    for node in every if averages else ():
        if not isinstance(node, (ast.DictComp, ast.ListComp)):
            continue
        of_weights = any(
            called(call) in ("state_dict", "parameters", "named_parameters")
            for call in ast.walk(node.generators[0].iter)
            if isinstance(call, ast.Call)
        )
        value = node.value if isinstance(node, ast.DictComp) else node.elt
        halves = any(getattr(each, "attr", None) in HALVES for each in ast.walk(value))
        if of_weights and halves and any(isinstance(each, ast.Call) for each in ast.walk(value)):
            return trees.where(file, value)
    return None


def _is_small_part(call: ast.Call) -> bool:
    """Whether a call adds a part of something in place: `average.add_(w, alpha=s)`, `average.lerp_(w, s)`."""
    return called(call) in AVERAGING and (
        len(call.args) > 1 or any(k.arg in ("alpha", "weight") for k in call.keywords)
    )
