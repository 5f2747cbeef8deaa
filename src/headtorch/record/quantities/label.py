"""label: the class or the number that each of the first 64 examples has for its target, beside its `fingerprint`."""

import torch

from headtorch.record.entered import Entered
from headtorch.record.quantities.fingerprint import EXAMPLES

OF = "pair"


def measure(entered: Entered, target: torch.Tensor) -> torch.Tensor:
    """(64,); NaN where the batch has fewer examples, or the targets are not one number an example."""
    labels = torch.full((EXAMPLES,), float("nan"), device=target.device)
    real = not (target.is_complex() or target.dtype == torch.bool)
    if real and target.numel() == entered.examples:
        some = target.reshape(-1)[:EXAMPLES]
        labels[: some.numel()] = some
    return labels
