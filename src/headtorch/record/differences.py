"""What a loss compares that is written as a difference: `(prediction - target).abs()`, and so `nn.L1Loss`.

Autograd keeps the difference, and not its two sides. The prediction is what the network's last operation kept of its
result, or one matrix product; the target is the rest.
"""

from __future__ import annotations

from typing import Any

import torch

from headtorch.record.graph import op_name, saved

_MAX_PRODUCTS = 1 << 22  # multiplications of the last layer, which is computed again
_KEEP_ORDER = frozenset(
    ["View", "UnsafeView", "ReshapeAlias", "Reshape", "Unsqueeze", "Squeeze", "Alias", "Clone", "Flatten"]
)


def is_difference(node: Any) -> bool:
    """Whether a node of the graph takes the square or the size of a difference."""
    return op_name(node) in ("Pow", "Mul", "Abs") and op_name(_entry(node)) == "Sub" if _entry(node) else False


def sides(node: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The prediction and the target of a difference; None where they can't be had without a cost."""
    difference, operands = saved(node, "_saved_self"), _entry(node).next_functions
    known = [position for position, (child, _) in enumerate(operands) if child is not None]
    if difference is None or len(known) != 1 or getattr(_entry(node), "_saved_alpha", 1) != 1:
        return None
    prediction = _result(operands[known[0]][0])
    if prediction is None or prediction.dtype != difference.dtype or prediction.numel() != difference.numel():
        return None
    prediction = prediction.reshape(difference.shape)
    target = prediction - difference if known[0] == 0 else prediction + difference
    target = torch.where(prediction.isfinite(), target, 0.0)  # a prediction that is NaN does not make its target one
    # The subtraction has rounded: what is a whole number but for that was one.
    rounding = 4 * torch.finfo(target.dtype).eps * (prediction.abs() + difference.abs())
    whole = target.round()
    return prediction, torch.where((target - whole).abs() <= rounding, whole, target)


def _entry(node: Any) -> Any:
    return node.next_functions[0][0] if node.next_functions else None


def _result(node: Any) -> torch.Tensor | None:
    """What an operation put out, or the one below it that it only gives another shape."""
    while node is not None and op_name(node) in _KEEP_ORDER:
        node = _entry(node)
    if node is None:
        return None
    if op_name(node) not in ("Addmm", "Mm"):
        return saved(node, "_saved_result")
    left, right = saved(node, "_saved_mat1" if op_name(node) == "Addmm" else "_saved_self"), saved(node, "_saved_mat2")
    if left is None or right is None or left.numel() * right.shape[1] > _MAX_PRODUCTS:
        return None
    if op_name(node) == "Mm":
        return left @ right
    bias = getattr(_entry(node), "variable", None)  # of a leaf
    plain = getattr(node, "_saved_alpha", 1) == getattr(node, "_saved_beta", 1) == 1
    return left @ right + bias.detach() if bias is not None and plain else None
