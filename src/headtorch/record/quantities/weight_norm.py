"""weight_norm: the Euclidean norm of each parameter."""

import torch

from headtorch.record.rows import Rows

OF = "weight"


def measure(rows: Rows) -> torch.Tensor:
    """(parameters,)."""
    return rows.norms()
