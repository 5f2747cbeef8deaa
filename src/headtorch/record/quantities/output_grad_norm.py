"""output_grad_norm: the norm of the gradient of each layer's output, which is the signal that arrives there from the
loss."""

import torch

from headtorch.record.rows import Rows

OF = "output_grad"


def measure(rows: Rows) -> torch.Tensor:
    """(layers,)."""
    return rows.norms()
