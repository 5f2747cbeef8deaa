"""batch_spread: how much a non-linearity's outputs differ from example to example, beside how large they are.

The standard deviation over the batch, averaged over the units, divided by the root mean square. Near 0, the layer says
the same whatever the input is.
"""

import torch

from headtorch.record.activations import Activations
from headtorch.record.statistics import spread

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,); NaN for a single example or outputs that are all zero."""
    spreads = []
    for values, size in zip(activations.examples, activations.sizes, strict=True):
        spreads.append(spread(values, dim=0).mean() / size if values.shape[0] > 1 else size.new_full((), float("nan")))
    return torch.stack(spreads)
