"""What a loss compares: its terms, found by descending from the root of the graph through scalar arithmetic."""

from __future__ import annotations

from typing import Any

import msgspec
import torch

from headtorch.record.graph import LINEAR, VIEWS, Graph, op_name, output_shape, saved
from headtorch.store.records import CLASSIFYING, Loss

NAMES = {
    "NllLoss": "nll", "NllLoss2D": "nll", "MseLoss": "mse", "BinaryCrossEntropy": "bce",
    "BinaryCrossEntropyWithLogits": "bce_with_logits", "SmoothL1Loss": "smooth_l1", "HuberLoss": "huber",
    "SoftMarginLoss": "soft_margin", "MultiMarginLoss": "multi_margin", "MultilabelMarginLoss": "multilabel_margin",
    "CtcLoss": "ctc", "KlDiv": "kl_div",
}  # fmt: skip
REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}
Shapes = tuple[tuple[int, ...], tuple[int, ...]]  # of an operand, and of what it was spread to
MAX_CLASSES = 64  # whose weights are noted
MAX_OPERATIONS = 64  # of a loss written by hand that are looked through
_COMPARING = frozenset({"Sub", "Rsub", "Mul", "Div"})
_LOGARITHMS = frozenset({"Log", "Log1P", "LogSigmoid"})
_ELEMENTWISE = _COMPARING | frozenset(
    [
        "Add", "Neg", "Abs", "Pow", "Maximum", "Minimum", "Where", "Clamp", "ClampMin", "ClampMax", "Relu", "LeakyRelu",
        "Exp", "Log", "Log1P", "Log2", "Sqrt", "Rsqrt", "Sigmoid", "Tanh", "Softplus", "LogSigmoid", "Logaddexp",
    ]
)  # fmt: skip
_SCALING = VIEWS | {"Where", "Mul", "Div", "Neg", "Mean", "Sum", "NanToNum"}


def _children(node: Any) -> list[Any]:
    return [child for child, _ in node.next_functions if child is not None]


def _size(shape: tuple[int, ...] | None) -> int:
    size = 1
    for length in shape or ():
        size *= length
    return size


def terms(graph: Graph, index: dict[Any, int], paths: dict[Any, Any]) -> tuple[Loss, ...]:
    """The terms of the loss at the root of a graph. `index` numbers the nodes that are kept, see `network`."""
    found: dict[Any, Loss] = {}
    seen: set[Any] = set()
    # With the reduction that was passed on the way, and the shapes where a factor spread what it is multiplied with.
    waiting: list[tuple[Any, str | None, Shapes | None]] = [] if graph.root in paths else [(graph.root, None, None)]
    while waiting:
        node, reduction, spread = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        name = op_name(node)
        children = [child for child in _children(node) if child not in paths]
        if name in ("Mean", "Sum"):
            reduction = reduction or name.lower()
        if name in ("Add", "Sub", "Rsub") and _size(output_shape(node)) == 1:
            waiting += [(child, reduction, spread) for child in reversed(children)]
        elif name in _SCALING and name not in NAMES and len(children) == 1:
            if name in ("Mul", "Div"):
                spread = spread or _column_and_row(node)
            waiting.append((children[0], reduction, spread))
        else:  # a loss of PyTorch's own, or (a - b) * (a - b), or something unknown
            term = _term(node, reduction, index, paths)
            if term.broadcast is None and spread is not None:
                term = msgspec.structs.replace(term, broadcast=spread, prediction_shape=spread[0])
            found.setdefault(term.node, term)
    return tuple(found.values())


def _term(node: Any, reduction: str | None, index: dict[Any, int], paths: dict[Any, Any]) -> Loss:
    name = NAMES.get(op_name(node), "unknown")
    entry = _children(node)
    source = _through_views(entry[0], index) if entry else None
    broadcast = None
    if op_name(node) in ("Pow", "Mul", "Abs") and source is not None and op_name(source) in ("Sub", "Rsub"):
        name = "l1" if op_name(node) == "Abs" else "mse"
        broadcast = _broadcast_in(source)
        operands = [child for child in _children(source) if child not in paths]
        source = _through_views(operands[0], index) if operands else None
    elif entry and (expanded := _expanded(entry[0])) is not None:
        broadcast = expanded
    elif name == "unknown":
        broadcast = _each_with_each(node, paths)
    if op_name(node) == "LogSoftmax":
        name, source = "cross_entropy_soft", node
    elif name == "nll" and source is not None and op_name(source) == "LogSoftmax":
        name = "cross_entropy"
    before = source
    if name in ("cross_entropy", "cross_entropy_soft") and source is not None:
        inner = _children(source)
        before = _through_views(inner[0], index) if inner else None
    if (own := getattr(node, "_saved_reduction", None)) is not None and not reduction:
        reduction = REDUCTIONS.get(own)
    target = saved(node, "_saved_targets" if name == "ctc" else "_saved_target")
    prediction_shape = output_shape(entry[0]) if entry else None
    if target is not None and broadcast is None:
        broadcast = _stretched_target(target, prediction_shape)
    return Loss(
        name=name,
        node=index.get(node, -1),
        prediction=index.get(before) if before is not None else None,
        reduction=reduction,
        target_shape=None if target is None else tuple(target.shape),
        target_dtype=None if target is None else str(target.dtype).removeprefix("torch."),
        prediction_shape=broadcast[0] if broadcast else prediction_shape,
        broadcast=broadcast,
        pos_weight=_pos_weight(saved(node, "_saved_pos_weight")),
        ignored=_ignored(node),
        class_weights=_class_weights(saved(node, "_saved_weight")) if name in CLASSIFYING else (),
        weighted=_weighs(saved(node, "_saved_weight")) or _weighs(saved(node, "_saved_pos_weight"), 1.0),
    )


def _class_weights(weights: torch.Tensor | None) -> tuple[float, ...]:
    """The weights of some classes. On an accelerator they are not read."""
    if weights is None or weights.device.type != "cpu" or not 1 < weights.numel() <= MAX_CLASSES:
        return ()
    return tuple(weights.float().flatten().tolist())


def _ignored(node: Any) -> int | None:
    """The class number that a loss ignores, or takes for no symbol, a blank; None where that is no class, as the usual
    -100."""
    index = getattr(node, "_saved_ignore_index", getattr(node, "_saved_blank", None))
    return index if isinstance(index, int) and 0 <= index < 2**62 else None  # a negative one is told as unsigned


def _weighs(weights: torch.Tensor | None, even: float | None = None) -> bool:
    """Whether weights weigh anything more than the rest: ones do not. On an accelerator they are not read."""
    if weights is None or weights.device.type != "cpu" or not weights.numel():
        return weights is not None
    return bool((weights != (weights.flatten()[0] if even is None else even)).any())


def _pos_weight(weights: torch.Tensor | None) -> float | None:
    """The mean weight of a yes beside a no. On an accelerator it is not read."""
    known = weights is not None and weights.device.type == "cpu" and weights.numel() > 0
    return float(weights.float().mean()) if known and weights is not None else None


def _through_views(node: Any, index: dict[Any, int]) -> Any:
    """The first node at or below `node` that is no view."""
    while node is not None and node not in index and op_name(node) in VIEWS:
        children = _children(node)
        node = children[0] if children else None
    return node


def _expanded(node: Any) -> Shapes | None:
    """The shapes before and after, when a prediction was expanded to the shape of its target."""
    while node is not None and op_name(node) in VIEWS:
        if op_name(node) == "Expand":
            before = tuple(int(size) for size in getattr(node, "_saved_self_sym_sizes", ()))
            after = output_shape(node)
            if after is not None and 1 < _size(before) < _size(after):
                return before, after
        children = _children(node)
        node = children[0] if children else None
    return None


def _broadcast_in(node: Any) -> Shapes | None:
    """The shapes of an operand and of the result, when a hand-written difference broadcast its operand.

    Two results of the network with as many dimensions are compared each with each on purpose: one of them was given its
    dimension of length 1, as in the spread of an ensemble, |x_i - x_j|.
    """
    result = output_shape(node)
    operands = [(child, output_shape(child, position)) for child, position in node.next_functions if child is not None]
    if len(operands) > 1 and len({len(shape) for _, shape in operands if shape is not None}) == 1:
        return None
    for child, shape in operands:
        if result is not None and shape is not None and op_name(child) in VIEWS | set(LINEAR) and (
            1 < _size(shape) < _size(result)
        ):  # fmt: skip
            return shape, result
    return None


def _each_with_each(node: Any, paths: dict[Any, Any]) -> Shapes | None:
    """The shapes of a prediction and of the result, where a loss written by hand combines a column of N predictions
    with a row of N numbers from outside, somewhere among its element-wise operations.

    What was given its dimension of length 1 just there is to be compared each with each, as in the distances of a set.
    """
    waiting, seen = [node], {node}
    while waiting and len(seen) < MAX_OPERATIONS:
        current = waiting.pop(0)
        children = [child for child in _children(current) if child not in paths]
        if op_name(current) in _COMPARING and len(children) == 1:
            shapes = _column_and_row(current) or _column_and_classes(current)
            if shapes is not None:
                return shapes
        if op_name(current) in _ELEMENTWISE:
            fresh = [child for child in children if child not in seen]
            seen.update(fresh)
            waiting += fresh
    return None


def _column_and_row(node: Any) -> Shapes | None:
    """The shapes of the operand that the network gives and of the result, where it is a column and meets a row of as
    many numbers from outside, or the other way round."""
    outside_first = node.next_functions[0][0] is None
    child, position = node.next_functions[1 if outside_first else 0]
    result, shape = output_shape(node), output_shape(child, position)
    if result is None or shape is None or len(result) != 2 or not result[0] == result[1] > 1:
        return None
    if shape not in ((result[0], 1), (result[0],)) or op_name(child) == "Unsqueeze":
        return None
    if op_name(node) in ("Mul", "Div"):  # a whole square from outside is a mask or weights
        other = saved(node, "_saved_self" if outside_first else "_saved_other")
        if other is None or other.numel() != result[0]:
            return None
    return shape, result


def _column_and_classes(node: Any) -> Shapes | None:
    """The shapes of the operand that the network gives and of the result, where the logarithms of one probability an
    example, (N, 1), are multiplied with several targets an example, (N, k)."""
    outside_first = node.next_functions[0][0] is None
    child, position = node.next_functions[1 if outside_first else 0]
    result, shape = output_shape(node), output_shape(child, position)
    if op_name(node) != "Mul" or op_name(child) not in _LOGARITHMS or result is None or len(result) != 2:
        return None
    return (shape, result) if shape == (result[0], 1) and result[0] > 1 < result[1] else None


def _stretched_target(target: Any, prediction: tuple[int, ...] | None) -> Shapes | None:
    """The shapes of prediction and target, when only the target was expanded (it then has a stride of 0)."""
    if target.numel() <= 1 or prediction is None or tuple(target.shape) != prediction:
        return None
    own = tuple(1 if stride == 0 else size for size, stride in zip(target.shape, target.stride(), strict=True))
    return (prediction, own) if 1 < _size(own) < _size(prediction) else None
