"""Quantities: what they say of data whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from headtorch.record.entered import entered
from headtorch.record.objectives import TensorNumbers
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


@pytest.mark.parametrize("targets", [(8,), (), (40,)], ids=["several, of another number", "one each", "one a feature"])
def test_targets_that_are_alike_or_lie_over_nothing_say_nothing(targets: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    given = entered(torch.rand(50, 40, generator=generator))
    rounded = 0.3 + 1e-8 * torch.randn(50, *targets, generator=generator)  # as what is taken from a difference
    assert given is not None
    assert association.measure(given, rounded)[0].isnan()


def test_each_place_of_an_image_has_its_own_target() -> None:
    images = torch.rand(16, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    given = entered(images)
    assert given is not None
    assert association.measure(given, 2 * images[:, 0])[0] == pytest.approx(1.0)


def test_how_far_several_targets_lie_apart_is_nothing_to_be_learned() -> None:
    targets = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + torch.tensor([0.0, 1000.0])
    constant = targets.mean(dim=0).expand_as(targets)
    assert abs(measure.measure("mse", constant, targets).item()) < 0.1


@pytest.mark.parametrize(
    ("change", "cosine"),
    [
        (lambda weight: None, 1.0),
        (lambda weight: weight.data.mul_(-2.0), -1.0),
        (lambda weight: setattr(weight, "data", weight.data.contiguous(memory_format=torch.channels_last)), math.nan),
        (lambda weight: setattr(weight, "data", torch.zeros(0, 4, 3, 3)), math.nan),
        (lambda weight: weight.data.zero_(), math.nan),
    ],
)
def test_what_was_loaded_is_compared_where_it_lies_as_it_did(
    change: Callable[[torch.nn.Parameter], object], cosine: float
) -> None:
    numbers, weight = TensorNumbers(0), torch.nn.Parameter(torch.randn(8, 4, 3, 3))
    numbers.note_loaded([weight])
    change(weight)
    assert numbers.still_loaded(weight).item() == pytest.approx(cosine, abs=1e-5, nan_ok=True)


def test_a_tensor_that_is_gone_leaves_nothing() -> None:
    numbers = TensorNumbers(0)
    numbers.note_loaded([torch.zeros(3)])
    assert numbers._loaded == {}
