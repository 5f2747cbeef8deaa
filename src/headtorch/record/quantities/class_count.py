"""class_count: how often each class stands in a batch of class targets, at most the first 100 classes."""

import torch

OF = "target"
MAX_CLASSES = 100


def measure(tensor: torch.Tensor) -> torch.Tensor:
    """(100,); NaN when the targets are no class numbers."""
    if tensor.is_floating_point() or tensor.dtype == torch.bool:
        return torch.full((1,), float("nan"), device=tensor.device)
    sample = tensor.reshape(-1)[:4096]
    return (sample[:, None] == torch.arange(MAX_CLASSES, device=tensor.device)).sum(dim=0).float()
