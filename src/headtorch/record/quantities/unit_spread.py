"""unit_spread: how much a non-linearity's outputs differ from unit to unit, beside how large they are.

The standard deviation over the units of one example, averaged over the batch, divided by the root mean square. 0 means
that all units say the same.
"""

import torch

from headtorch.record.activations import Activations
from headtorch.record.statistics import spread

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,); NaN for a single unit or outputs that are all zero."""
    spreads = []
    for values, size in zip(activations.examples, activations.sizes, strict=True):
        spreads.append(spread(values, dim=1).mean() / size if values.shape[1] > 1 else size.new_full((), float("nan")))
    return torch.stack(spreads)
