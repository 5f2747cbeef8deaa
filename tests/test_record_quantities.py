"""Quantities: what they say of data whose answer is known."""

from __future__ import annotations

import torch

from headtorch.record.entered import entered
from headtorch.record.quantities import association, measure


def test_a_constant_feature_explains_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(64, 16, generator=generator)
    images[:, ::2] = 0.1  # borders that are always the same, scaled by numbers of the whole
    given = entered((images - images.mean()) / images.std())
    assert given is not None
    share, chance, first, *_ = association.measure(given, torch.randint(4, (64,), generator=generator)).tolist()
    assert share < 2 * chance
    assert first < 0.5


def test_how_far_several_targets_lie_apart_is_nothing_to_be_learned() -> None:
    targets = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + torch.tensor([0.0, 1000.0])
    constant = targets.mean(dim=0).expand_as(targets)
    assert abs(measure.measure("mse", constant, targets).item()) < 0.1
