"""zero_share: the share of each non-linearity's outputs that are exactly zero."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,), between 0 and 1."""
    rows = activations.rows
    return 1 - rows.values.sign().abs().sum(dim=1) / rows.counts
