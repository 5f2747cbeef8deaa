"""label: the class of each of the first 64 examples, which stands beside its `fingerprint`."""

import torch

from headtorch.record.quantities.fingerprint import EXAMPLES

OF = "pair"


def measure(inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(64,); NaN where the batch has fewer examples, or the targets are not one class number an example."""
    labels = torch.full((EXAMPLES,), float("nan"), device=target.device)
    whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
    if whole and inputs.dim() and target.numel() == inputs.shape[0]:
        some = target.reshape(-1)[:EXAMPLES]
        labels[: some.numel()] = some
    return labels
