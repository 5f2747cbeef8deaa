"""activation_std: the standard deviation of each non-linearity's outputs over the batch and its units."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,)."""
    rows = activations.rows
    squares: torch.Tensor = torch.linalg.vector_norm(rows.values, dim=1).square_()
    return (squares / rows.counts - activations.means.square()).clamp_min_(0).sqrt_()
