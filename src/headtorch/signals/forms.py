"""Forms: what a part of a network's graph computes, told by its operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headtorch.signals.network import factor_of
from headtorch.store.records import Node

_DISTANCES = ("Cdist", "EuclideanDist")
_SIZES = ("Pow", "Abs", "LinalgVectorNorm", "Norm")
_SIGNS = {"Add": (1, 1), "Sub": (1, -1), "Rsub": (-1, 1), "Mul": (1,), "Div": (1,), "Neg": (-1,)}  # of their inputs
_CLAMPS = ("Clamp", "ClampMin", "ClampMax", "Hardtanh")


def added_up(nodes: Sequence[Node]) -> Iterator[tuple[int, float]]:
    """The operations that a loss is the sum of, each with the sign that it has there."""
    waiting = [(len(nodes) - 1, 1.0)] if nodes else []
    while waiting:
        number, sign = waiting.pop()
        node = nodes[number]
        signs = _SIGNS.get(node.op) if node.shape == () else None
        if signs is None:
            yield number, sign
            continue
        if float(node.detail.get("factor", 1.0)) < 0:
            sign = -sign
        waiting += [(each, sign * own) for each, own in zip(node.inputs, signs, strict=False)]


def attends_to_all(nodes: Sequence[Node], number: int) -> bool:
    """Whether an operation weighs all steps of a sequence for each of them, those that come later too: an attention of
    as many steps as it has answers, and no mask over it."""
    node = nodes[number]
    if node.op.startswith("ScaledDotProduct"):
        return node.detail.get("is_causal") is False and "masked" not in node.detail
    shape = node.shape or ()
    if node.op not in ("Softmax", "SafeSoftmax") or len(shape) < 3 or shape[-1] != shape[-2] or shape[-1] < 2:
        return False
    while len(node.inputs) == 1:
        node = nodes[node.inputs[0]]
        if node.op == "Bmm":
            return not node.outside
        if node.op not in ("Mul", "Div", "Expand", "ToCopy") or (node.outside and factor_of(node) is None):
            return False  # a mask may be added, filled in or multiplied with
    return False


def reads_several(nodes: Sequence[Node], examples: float) -> bool:
    """Whether several sequences of tokens are looked up for each example, as what is translated and its translation."""
    looked_up = [node.shape or () for node in nodes if node.op == "Embedding"]
    return sum(len(shape) == 3 and shape[0] == examples for shape in looked_up) > 1


def attends_to_earlier(nodes: Sequence[Node], number: int) -> bool:
    """Whether an operation is an attention that weighs, for each step of a sequence, this one and those before."""
    return nodes[number].op.startswith("ScaledDotProduct") and nodes[number].detail.get("is_causal") is True


def gets_distances(nodes: Sequence[Node], softmax: int) -> bool:
    """Whether a softmax gets distances between two outputs of the network, times a positive number."""
    sign, squared = 1.0, False
    (number,) = nodes[softmax].inputs[:1]
    while len(set(nodes[number].inputs)) == 1:
        node = nodes[number]
        factor = factor_of(node)
        if factor is not None:
            sign *= factor
        elif node.op in _SIZES or (node.op == "Mul" and len(node.inputs) == 2):
            squared = True
        elif node.op not in ("Sum", "Mean", "Sqrt"):
            return False
        if float(node.detail.get("exponent", 1.0)) < 0:
            return False
        number = node.inputs[0]
    between = len(nodes[number].inputs) == 2
    return (
        sign > 0 and between and (nodes[number].op in _DISTANCES or (squared and nodes[number].op in ("Sub", "Rsub")))
    )


def is_mean_cosine(nodes: Sequence[Node], mean: int) -> bool:
    """Whether a mean is one of products, summed, of something of length 1 with something from outside."""
    path = [nodes[mean]]
    for op in ("Sum", "Mul", "Div"):
        if len(path[-1].inputs) != 1 or nodes[path[-1].inputs[0]].op != op:
            return False
        path.append(nodes[path[-1].inputs[0]])
    whole, length = path[-1].inputs if len(path[-1].inputs) == 2 else (0, 0)
    while nodes[length].op in ("Expand", "ClampMin", "Clamp"):
        (length,) = nodes[length].inputs
    return path[2].outside and nodes[length].op == "LinalgVectorNorm" and nodes[length].inputs == (whole,)


def clamped_errors(nodes: Sequence[Node]) -> Iterator[Node]:
    """The clamps of a difference from something outside that is then squared, or whose size is taken."""
    for square in nodes:
        if square.op not in ("Pow", "Abs", "Mul") or len(set(square.inputs)) != 1:
            continue
        clamp = nodes[square.inputs[0]]
        if clamp.op in _CLAMPS and len(clamp.inputs) == 1:
            error = nodes[clamp.inputs[0]]
            if error.op in ("Sub", "Rsub") and error.outside:
                yield clamp
