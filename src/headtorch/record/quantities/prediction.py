"""prediction: the scale of what the loss gets from the network.

Columns: mean, standard deviation, smallest, largest, share of non-finite values; the standard deviation from example to
example, averaged over the outputs (0 for a network that says the same of every input); the share of rows that are
probabilities already: none negative, sum 1.
"""

import torch

from headtorch.record.statistics import rows_of, spread, summary

OF = "prediction"


def measure(tensor: torch.Tensor) -> torch.Tensor:
    """(7,)."""
    values = rows_of(tensor)
    by_example = spread(values, dim=0).mean()
    if values.shape[1] > 1:
        sums_to_one = ((values.sum(dim=1) - 1).abs() < 1e-3) & (values >= 0).all(dim=1)
        share = sums_to_one.float().mean()
    else:
        share = values.new_zeros(())
    return torch.cat([summary(tensor), torch.stack([by_example, share])])
