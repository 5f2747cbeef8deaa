"""dead_share: the share of a non-linearity's units that put out zero for every example of the batch."""

import torch

from headtorch.record.activations import Activations

OF = "activation"


def measure(activations: Activations) -> torch.Tensor:
    """(activations,), between 0 and 1."""
    return torch.stack(
        [
            (units.abs().amax(dim=(0, 2)) == 0).float().mean() if units.numel() else units.new_zeros(())
            for units in activations.units
        ]
    )
