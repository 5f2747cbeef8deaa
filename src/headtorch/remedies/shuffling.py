"""A random order for the examples of a training that cuts its batches itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from headtorch.changes import insert_before, replace
from headtorch.model import Change, Edit
from headtorch.remedies.statements import source_of, training_loops
from headtorch.signals import Fit, Signals

NAMES = ("order", "new_order", "shuffled_order")


def shuffled(signals: Signals, fit: Fit) -> Iterator[Change]:
    """A new order before each pass over the batches: of `zip(x.split(n), y.split(n))`, or of `x[i : i + n]`."""
    loops, backward = training_loops(signals, fit), fit.objective.backward_at
    if not loops or backward is None or not isinstance(loops[0], ast.For):
        return
    loop, file = loops[0], backward.file
    name = next((name for name in NAMES if name not in signals.run.sources[file]), None)
    if name is None:
        return
    edits: list[Edit] = []
    data = ""
    for tensor in _splits(loop):
        data = data or source_of(signals, backward, tensor)
        edits.append(replace(signals.places.where(file, tensor), f"{{}}[{name}]"))
    for part in _slices(loop):
        sliced, cut = (source_of(signals, backward, node) for node in (part.value, part.slice))
        data = data or sliced
        edits.append(replace(signals.places.where(file, part), f"{sliced}[{name}[{cut}]]"))
    if edits:
        begin = insert_before(signals.places.where(file, loop), f"{name} = torch.randperm(len({data}))")
        yield Change("take the examples in a new random order each epoch", (begin, *edits))


def _splits(loop: ast.For) -> Iterator[ast.expr]:
    """The tensors that a loop draws batches from by `split` or `chunk`."""
    for node in ast.walk(loop.iter):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("split", "chunk"):
            yield node.func.value


def _slices(loop: ast.For) -> Iterator[ast.Subscript]:
    """The tensors that are sliced from the variable of a loop on."""
    for node in ast.walk(loop):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Slice)
            and node.slice.lower is not None
            and isinstance(loop.target, ast.Name)
            and ast.unparse(node.slice.lower) == loop.target.id
        ):
            yield node
