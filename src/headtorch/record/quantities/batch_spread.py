"""batch_spread: how much a non-linearity's outputs differ from example to example, beside how large they are.

The standard deviation over the batch, averaged over the units, divided by the root mean square. Near 0, the layer says
the same whatever the input is.
"""

import torch

from headtorch.record.activations import Activations
from headtorch.record.rows import together
from headtorch.record.statistics import spread

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,); NaN for a single example or outputs that are all zero."""

    def spread_of(values: torch.Tensor) -> torch.Tensor:
        alone = values.shape[1] <= 1
        return values.new_full((len(values),), float("nan")) if alone else spread(values, dim=1).mean(dim=1)

    return together(activations.examples, spread_of) / activations.sizes
