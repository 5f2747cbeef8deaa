"""unit_spread: how much a non-linearity's outputs differ from unit to unit, beside how large they are.

The standard deviation over the units of one example, averaged over the batch, divided by the root mean square. 0 means
that all units say the same.
"""

import torch

from headtorch.record.activations import Activations
from headtorch.record.rows import together
from headtorch.record.statistics import spread

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,); NaN for a single unit or outputs that are all zero."""

    def spread_of(values: torch.Tensor) -> torch.Tensor:
        alone = values.shape[2] <= 1
        return values.new_full((len(values),), float("nan")) if alone else spread(values, dim=2).mean(dim=1)

    return together(activations.examples, spread_of) / activations.sizes
