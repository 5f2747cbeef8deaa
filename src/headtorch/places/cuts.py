"""Cuts: what takes a tensor out of its graph, `.detach()`, `.data`, a trip through numpy, `torch.tensor(x)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from headtorch.model import Where
from headtorch.places.trees import Trees, called, enclosing_function, nodes

REBUILT = ("tensor", "as_tensor", "from_numpy", "FloatTensor")
PLAIN = ("detach", "stop_gradient", "data")
NAMES = ("detach", "stop_gradient", "item", "tolist", "numpy", "array", *REBUILT)


class Cut(NamedTuple):
    """An expression that takes a tensor out of its graph: the whole of it, the tensor, what is done, last first."""

    whole: ast.expr
    tensor: ast.expr
    names: list[str]


def cuts(trees: Trees, file: str) -> Iterator[Cut]:
    """Every cut of a file."""
    for node in nodes(trees, file):
        if not isinstance(node, (ast.Call, ast.Attribute)):
            continue
        tensor: ast.expr = node
        names: list[str] = []
        while True:
            if isinstance(tensor, ast.Attribute) and tensor.attr == "data":
                names.append("data")
                tensor = tensor.value
            elif isinstance(tensor, ast.Call) and called(tensor) in NAMES and tensor.args:
                names.append(called(tensor))
                tensor = tensor.args[0]
            elif isinstance(tensor, ast.Call) and called(tensor) in NAMES and isinstance(tensor.func, ast.Attribute):
                names.append(called(tensor))
                tensor = tensor.func.value
            else:
                break
        if names:
            yield Cut(node, tensor, names)


def cuts_at(trees: Trees, where: Where) -> Iterator[tuple[str, Where]]:
    """What is cut off, with the place of the whole: the cuts around a place first, then others of the file."""
    found = []
    for whole, tensor, names in cuts(trees, where.file):
        here = whole.lineno <= where.line <= (whole.end_lineno or 0)
        of_result = isinstance(tensor, (ast.Call, ast.Name)) and names[0] in (*PLAIN, "item")
        of_part = isinstance(tensor, ast.Subscript) and names[0] in ("detach", "stop_gradient")
        if here or of_result or of_part:
            found.append((not here, -len(ast.unparse(whole)), whole, tensor))
    for *_, whole, tensor in sorted(found, key=lambda entry: entry[:2])[:4]:
        yield ast.unparse(tensor), trees.where(where.file, whole)


def cuts_between(trees: Trees, first: Where, last: Where) -> Iterator[Where]:
    """The cuts on the lines between two places of a file.

    A number that is only read, `losses.append(loss.item())`, cuts nothing, nor does data that is made into a tensor.
    """
    for whole, _, names in cuts(trees, first.file):
        rebuilt = names[0] in REBUILT and {"item", "tolist", "numpy", "detach", "data"} & set(names)
        if first.line < whole.lineno < last.line and (rebuilt or names[0] in PLAIN):
            yield trees.where(first.file, whole)


def last_cut(trees: Trees, backward: Where | None) -> Where | None:
    """The last place before a backward pass, in its function, that takes something out of the graph."""
    tree = trees.tree(backward.file) if backward is not None else None
    function = enclosing_function(tree, backward.line) if tree is not None and backward is not None else None
    if backward is None or function is None:
        return None
    before = [
        whole
        for whole, _, names in cuts(trees, backward.file)
        if function.lineno <= whole.lineno < backward.line and names[0] in (*REBUILT, *PLAIN)
    ]
    last = max(before, key=lambda node: node.lineno, default=None)
    return trees.where(backward.file, last) if last is not None else None


def stops(trees: Trees, file: str) -> Iterator[Where]:
    """Where a file stops the gradient in so many words: a network of Keras is put together elsewhere than it runs."""
    for whole, _, names in cuts(trees, file):
        if names[0] == "stop_gradient":
            yield trees.where(file, whole)
