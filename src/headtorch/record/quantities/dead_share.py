"""dead_share: the share of a non-linearity's units that put out zero for every example of the batch."""

import torch

from headtorch.record.activations import Activations
from headtorch.record.rows import together

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,), between 0 and 1."""
    largest = [units.abs().amax(dim=(0, 2)) if units.numel() else units.new_ones(1) for units in activations.units]
    return together(largest, lambda some: (some == 0).float().mean(dim=1))
