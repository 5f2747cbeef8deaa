"""saturated_share: the share of a sigmoid's or tanh's outputs where its slope is below 4 % of the largest.

The slope of tanh is 1 - y^2, of the sigmoid y (1 - y) = (1 - u^2) / 4 with u = 2y - 1: below 4 % of the maximum where
|y| (or |u|) exceeds 0.98.
"""

import torch

from headtorch.record.activations import Activations

OF = "activation"
FLAT = 0.98


def measure(activations: Activations) -> torch.Tensor:
    """(activations,), between 0 and 1; NaN for non-linearities that do not saturate on both sides."""
    rows = activations.rows
    centred = rows.values * activations.slope[:, None] + activations.offset[:, None]
    filled = torch.arange(rows.values.shape[1], device=rows.values.device) < rows.counts[:, None]
    return ((centred.abs() > FLAT) & filled).sum(dim=1) / rows.counts + activations.slope.sub(activations.slope)
