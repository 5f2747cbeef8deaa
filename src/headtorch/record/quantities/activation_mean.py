"""activation_mean: the mean output of each non-linearity over the batch and its units."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,)."""
    rows = activations.rows
    return rows.values.sum(dim=1) / rows.counts
