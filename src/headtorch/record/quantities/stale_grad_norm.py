"""stale_grad_norm: what backward will be added to, the norm of each gradient left over from before the last step.

After an optimizer step a gradient has done its work; what is left of it when the next backward begins is added in.
"""

import torch

from headtorch.record.rows import Rows

OF = "stale"


def measure(rows: Rows) -> torch.Tensor:
    """(parameters,); 0 where the gradient was reset."""
    return rows.norms()
