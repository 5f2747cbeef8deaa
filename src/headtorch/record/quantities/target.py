"""target: the scale of what the loss compares the prediction with.

Columns: mean, standard deviation, smallest, largest, share of non-finite values; the share of whole numbers; the share
of rows whose sum is 1 with none negative; the standard deviation from example to example, averaged over the outputs;
and the largest and the smallest of the outputs, but for those that are always the same.
"""

import torch

from headtorch.record.statistics import rows_of, spread, summary

OF = "target"


def measure(tensor: torch.Tensor) -> torch.Tensor:
    """(10,)."""
    values = rows_of(tensor)
    whole = (values == values.round()).float().mean()
    ones = ((values.sum(dim=1) - 1).abs() < 1e-3) & (values >= 0).all(dim=1)
    by_output = spread(values, dim=0)
    varies = torch.where(by_output > 0, by_output, by_output.amax())
    of_outputs = [by_output.mean(), by_output.amax(), varies.amin()]
    return torch.cat([summary(tensor), torch.stack([whole, ones.float().mean(), *of_outputs])])
