"""grad_norm: the Euclidean norm of each parameter's gradient right after backward, before any clipping."""

import torch

from headtorch.record.rows import Rows

OF = "gradient"


def measure(rows: Rows) -> torch.Tensor:
    """(parameters,); 0 where a parameter has no gradient."""
    return rows.norms()
