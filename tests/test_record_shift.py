"""Shift: by how many places labels follow the tokens that are given, whatever their layout."""

from __future__ import annotations

import pytest
import torch

from headtorch.record.entered import entered
from headtorch.record.quantities import shift


@pytest.mark.parametrize("steps_first", [False, True])
def test_labels_are_found_in_sequences_longer_than_what_is_kept(steps_first: bool) -> None:
    text = torch.randint(1, 50, (8, 129), generator=torch.Generator().manual_seed(0))
    tokens, labels = (part.T if steps_first else part for part in (text[:, :-1], text[:, 1:]))
    given = entered(tokens.contiguous())
    assert given is not None
    shares = shift.measure(given, labels.reshape(-1))
    assert shares[1] > 0.99
    assert shares[[0, 2, 3]].max() < 0.2


def test_padding_is_no_next_token() -> None:
    words = torch.zeros(16, 20, dtype=torch.long)
    words[:, :3] = torch.randint(1, 50, (16, 3), generator=torch.Generator().manual_seed(0))
    tags = torch.where(words > 0, 3, 0)
    given = entered(words)
    assert given is not None
    assert not shift.measure(given, tags.reshape(-1))[1] > 0.2
