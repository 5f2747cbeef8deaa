"""unit_spread: how much a non-linearity's outputs differ from unit to unit, beside how large they are.

The standard deviation over the units of one example, averaged over the batch, divided by the root mean square. 0 means
that all units say the same.
"""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,); NaN for a single unit or outputs that are all zero."""
    spreads = []
    for units in activations.units:
        values = units.float()
        spread = values.std(dim=1, correction=0).mean() if values.shape[1] > 1 else values.new_full((), float("nan"))
        spreads.append(spread / values.square().mean().sqrt())
    return torch.stack(spreads)
