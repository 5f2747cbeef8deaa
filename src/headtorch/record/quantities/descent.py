"""descent: how far each parameter's update points down its gradient, the cosine between -g and the change.

1 for plain gradient descent; between 0 and 1, mostly, with momentum and adaptive rates; below 0 the step climbs.
"""

import torch

from headtorch.record.rows import Updates

OF = "update"


def measure(updates: Updates) -> torch.Tensor:
    """(parameters,); NaN where a parameter has no gradient or does not move."""
    lengths = torch.linalg.vector_norm(updates.changes, dim=1) * torch.linalg.vector_norm(updates.gradients, dim=1)
    result: torch.Tensor = -(updates.changes * updates.gradients).sum(dim=1) / lengths
    return result
