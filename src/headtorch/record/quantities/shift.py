"""shift: how far in a sequence of tokens the labels are from what is given.

Columns: the share of the labels that are the token given at the same place, and 1, 2 and 3 places later: along the
second dimension, or along the first where that has more, as where the steps stand first.
"""

import torch

from headtorch.record.entered import Entered

OF = "pair"
PLACES = 4
LONG = 2 * PLACES  # tokens: of fewer, hardly any are left to compare with one some places later
MAX_SHORTER = 2  # labels than tokens in a row: one is cut off where the sequence is shifted


def measure(entered: Entered, target: torch.Tensor) -> torch.Tensor:
    """(4,); NaN where inputs or targets are no tokens, or not as many."""
    tokens = entered.features
    length, rest = divmod(target.numel(), entered.examples)
    whole = not any(t.is_floating_point() or t.is_complex() or t.dtype == torch.bool for t in (tokens, target))
    if not whole or rest or length < LONG or not 0 <= entered.numbers - length <= MAX_SHORTER:
        return torch.full((PLACES,), float("nan"), device=target.device)
    labels = target.reshape(entered.examples, length)[: len(tokens), : tokens.shape[1]]
    along = _shares(tokens, labels)
    return torch.maximum(along, _shares(tokens.T, labels.T)) if len(tokens) >= LONG else along


def _shares(tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    shares = []
    for places in range(PLACES):
        both = min(labels.shape[1], tokens.shape[1] - places)
        some, given = labels[:, :both], tokens[: len(labels), places : places + both]
        known = (some >= 0) & (given != tokens[: len(labels), -1:])  # what a row ends with may be its padding
        shares.append(((some == given) & known).sum() / known.sum())
    return torch.stack(shares)
