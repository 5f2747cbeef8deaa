"""Broken: what is no finite number when the loss is none, the data or the weights."""

from __future__ import annotations

import torch

from headtorch.record.graph import Graph, saved
from headtorch.record.objectives import Objective


def broken_parts(objective: Objective, root: Graph | None, entered: torch.Tensor | None) -> dict[str, float]:
    """The shares of the input's and the target's values, and of the watched tensors, that are no finite numbers.

    `root` is the graph of the loss, `entered` the first tensor that was given to the network.
    """
    details: dict[str, float] = {}
    if entered is not None:
        details["input"] = float(1 - entered.isfinite().float().mean())
    if objective.network is not None and root is not None and objective.network.fits(root):
        for each in objective.network.losses:
            node = objective.network.at(root, each.node) if each.node >= 0 else None
            target = None if node is None else saved(node, "_saved_target")
            if target is not None:
                details["target"] = float(1 - target.isfinite().float().mean())
    broken = [tensor for tensor in objective.tensors() if tensor is not None and not bool(tensor.isfinite().all())]
    details["weights"] = len(broken) / max(len(objective.watched), 1)
    return details
