"""What shows of a training, before its end, that nothing will come of it."""

from __future__ import annotations

import math
import random

import pytest

from headtorch.trials.hopeless import Course
from headtorch.trials.orders import Hopeless

STEPS = 400


def ended(losses: list[float], chance: float | None = None) -> tuple[str, int]:
    """Why and when a training with these losses is given up; ("", STEPS) for one that goes to its end."""
    course = Course(Hopeless(len(losses), chance))
    for step, loss in enumerate(losses, start=1):
        if why := course.hopeless_by(loss):
            return why, step
    return "", len(losses)


def noisy(level: float, spread: float = 0.05) -> float:
    return level * (1 + spread * random.uniform(-1, 1))


@pytest.fixture(autouse=True)
def same_noise() -> None:
    random.seed(0)


@pytest.mark.parametrize(
    "losses",
    [
        [noisy(2.3 * math.exp(-i / 60)) for i in range(STEPS)],  # learns
        [noisy(1000 * math.exp(-i / 30) + 0.5) for i in range(STEPS)],  # begins far above chance
        [noisy(2.3 - 1.2 * i / STEPS) for i in range(STEPS)],  # slowly
        [noisy(2.3 if i < 100 else 2.3 * math.exp(-(i - 100) / 40), 0.01) for i in range(STEPS)],  # after a plateau
        [-noisy(1.0 + i / 100) for i in range(STEPS)],  # a loss below 0
    ],
)
def test_what_learns_goes_to_its_end(losses: list[float]) -> None:
    assert ended(losses, chance=2.3) == ended(losses) == ("", STEPS)


def test_a_loss_that_runs_away_is_given_up_at_once() -> None:
    why, step = ended([2.3 * 1.05**i for i in range(STEPS)], chance=2.3)
    assert why == "diverged" and step < STEPS / 5


def test_a_loss_that_stays_at_chance_is_given_up_after_a_third() -> None:
    why, step = ended([noisy(2.3, 0.02) for _ in range(STEPS)], chance=2.3)
    assert why == "flat" and STEPS / 3 <= step < STEPS / 2


def test_no_gradient_is_given_up() -> None:
    course = Course(Hopeless(STEPS))
    for _ in range(4):
        course.looked_at_gradient(0.0)
    course.looked_at_gradient(1e-3)
    assert course.hopeless_by(1.0) == ""
    for _ in range(5):
        course.looked_at_gradient(0.0)
    assert course.hopeless_by(1.0) == "dead"
