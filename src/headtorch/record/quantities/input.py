"""input: the scale of what the network is given, over the batch and by feature.

Columns: mean, standard deviation, smallest, largest, share of non-finite values; then, over the features (columns of a
table, channels of an image): the largest standard deviation, the smallest that is not zero, the largest |mean|; then
how many features there are, and how many examples.
"""

import torch

from headtorch.record.rows import constant
from headtorch.record.statistics import features, summary

OF = "input"


def measure(tensor: torch.Tensor) -> torch.Tensor:
    """(10,)."""
    values = features(tensor)
    finite = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if values.shape[0] > 1:
        means = finite.mean(dim=0)
        spreads = (finite - means).square_().mean(dim=0).sqrt_()
        smallest = torch.where(spreads > 0, spreads, torch.full_like(spreads, float("inf"))).amin()
        by_feature = torch.stack([spreads.amax(), smallest, means.abs().amax()])
    else:
        by_feature = values.new_full((3,), float("nan"))
    size = constant((float(values.shape[1]), float(tensor.shape[0] if tensor.dim() else 1)), values.device)
    return torch.cat([summary(tensor), by_feature, size])
