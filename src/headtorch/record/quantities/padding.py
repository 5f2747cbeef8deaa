"""padding: how much of the sequences in an input is one step repeated at an end: tokens, or features of each step."""

import torch

OF = "input"
ROWS = 64
STEPS = 512
FEATURES = 16  # of a step


def measure(tensor: torch.Tensor) -> torch.Tensor:
    """(2,): the share of the steps that repeat the one before at the end of a row, and the one after at its beginning,
    the mean over the rows. NaN for what is neither (examples, steps) of tokens nor (examples, steps, features)."""
    whole = not tensor.is_floating_point() and tensor.dtype != torch.bool
    if tensor.dim() != (2 if whole else 3) or tensor.shape[1] > STEPS:
        return torch.full((2,), float("nan"), device=tensor.device)
    rows = tensor[:ROWS].reshape(min(len(tensor), ROWS), tensor.shape[1], -1)[:, :, :FEATURES]
    at_end = (rows == rows[:, -1:]).all(dim=2).flip(1)
    at_beginning = (rows == rows[:, :1]).all(dim=2)
    runs = torch.stack([alike.int().cumprod(dim=1).sum(dim=1).float().mean() for alike in (at_end, at_beginning)])
    return (runs - 1) / rows.shape[1]
