"""activation_std: the standard deviation of each non-linearity's outputs over the batch and its units."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,)."""
    rows = activations.rows
    mean = rows.values.sum(dim=1) / rows.counts
    return (rows.values.square().sum(dim=1) / rows.counts - mean * mean).clamp_min(0).sqrt()
