"""lost_share: the share of each parameter's values that a step leaves as they were, though they have a gradient.

In float32 next to none; in bfloat16, where 1 + 0.003 = 1, what is less than half the distance to the next number.
"""

import torch

from headtorch.record.rows import Updates

OF = "update"


def measure(updates: Updates) -> torch.Tensor:
    """(parameters,); NaN where a parameter has no gradient."""
    pulled = updates.gradients != 0
    result: torch.Tensor = (pulled & (updates.changes == 0)).sum(dim=1) / pulled.sum(dim=1)
    return result
