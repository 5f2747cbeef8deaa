"""update_ratio: how far one step moves each parameter beside its own size, |w' - w| / |w|.

About 1e-3 is usual for weights that learn; see Karpathy, CS231n, "Ratio of weights:updates".
"""

import torch

from headtorch.record.rows import Updates

OF = "update"


def measure(updates: Updates) -> torch.Tensor:
    """(parameters,); infinite where a parameter of zeros moves."""
    return updates.changes.norm(dim=1) / updates.weights.norm(dim=1)
