"""measure: the task's own measure of how well a prediction fits: accuracy for classes, R^2 for numbers.

R^2 = 1 - mean((prediction - target)^2) / variance(target) over the batch; of several targets an example, with the mean
of their variances: how far their means lie apart is nothing to be learned.
"""

import torch

from headtorch.store.records import CLASSIFYING, DISTANCES, YES_OR_NO

OF = "comparison"
MANY = 8  # examples: the variance of fewer is that of the batch, not of the targets


def measure(loss: str, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(1,); NaN for losses that show no such measure."""
    nothing = torch.full((1,), float("nan"), device=prediction.device)
    if loss in CLASSIFYING and not target.is_floating_point() and prediction.dim() > target.dim():
        right = prediction.argmax(dim=min(1, prediction.dim() - 1)) == target
        return right.float().mean().reshape(1)
    if loss in YES_OR_NO and prediction.shape == target.shape:
        threshold = 0.5 if loss == "bce" else 0.0
        return ((prediction > threshold) == (target > 0.5)).float().mean().reshape(1)
    if loss in DISTANCES and prediction.shape == target.shape and target.numel() > 2:
        residual = (prediction.float() - target.float()).square().mean()
        several = target.dim() > 1 and len(target) >= MANY
        variance = target.float().var(dim=0 if several else None, correction=0).mean()
        return (1 - residual / variance).reshape(1)
    return nothing
