"""update_ratio: how far one step moves each parameter beside its own size, |w' - w| / |w|.

About 1e-3 is usual for weights that learn; see Karpathy, CS231n, "Ratio of weights:updates".
"""

import torch

from headtorch.record.rows import Updates

OF = "update"


def measure(updates: Updates) -> torch.Tensor:
    """(parameters,); infinite where a parameter of zeros moves."""
    result: torch.Tensor = torch.linalg.vector_norm(updates.changes, dim=1) / torch.linalg.vector_norm(
        updates.weights, dim=1
    )
    return result
