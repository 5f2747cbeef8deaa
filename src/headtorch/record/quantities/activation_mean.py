"""activation_mean: the mean output of each non-linearity over the batch and its units."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,)."""
    return activations.means
