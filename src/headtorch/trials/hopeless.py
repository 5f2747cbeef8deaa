"""Hopeless: a training whose course shows, before its end, that nothing will come of it.

    diverged   the loss is well above chance, or its start where chance is not known, and above where it began
    dead       no gradient reaches any weight matrix any more
    flat       after a third of its steps the loss is where it was, at chance or at its start, and is not falling

Medians of windows are compared, so that single batches decide nothing. Knows nothing of PyTorch.
"""

from __future__ import annotations

import math
from statistics import median

from headtorch.trials.orders import Hopeless

WINDOWS = 20  # in a whole training
SHORTEST = 10  # steps of a window
LOOKS = 5  # in a row that find no gradient
ABOVE = 1.5  # times chance
PATIENCE = 1 / 3  # of the steps before a loss counts as flat: some trainings begin on a plateau
FALLEN = 0.03  # of chance: what a loss must have come down to be no flat line
FALLING = 0.005  # of chance, over two windows


class Course:
    """The course of one training, step by step."""

    def __init__(self, hopeless: Hopeless) -> None:
        self._chance = hopeless.chance
        self._steps = hopeless.steps
        self._window = max(SHORTEST, hopeless.steps // WINDOWS)
        self._losses: list[float] = []
        self._medians: list[float] = []
        self._without_gradient = 0

    def hopeless_by(self, loss: float) -> str:
        """What the training is hopeless by after one more step: "diverged", "dead", "flat", or nothing."""
        self._losses.append(loss)
        if self._without_gradient >= LOOKS:
            return "dead"
        if len(self._losses) % self._window:
            return ""
        self._medians.append(median(self._losses[-self._window :]))
        return self._judged() if len(self._medians) > 2 and all(map(math.isfinite, self._medians)) else ""

    def looked_at_gradient(self, largest: float) -> None:
        """The largest gradient of all weight matrices was looked at."""
        self._without_gradient = self._without_gradient + 1 if largest == 0 else 0

    def _judged(self) -> str:
        first, *_, before, last = self._medians
        level = first if self._chance is None else self._chance
        if level <= 0:
            return ""
        if min(before, last) > ABOVE * level and last > first:
            return "diverged"
        lowest = min(first, level)
        if (
            len(self._losses) >= PATIENCE * self._steps
            and min(self._medians) > (1 - FALLEN) * lowest
            and last > self._medians[-3] - FALLING * lowest
        ):
            return "flat"
        return ""

    def curve(self) -> tuple[tuple[int, float], ...]:
        """The medians, each with the last step of its window."""
        return tuple(((i + 1) * self._window, value) for i, value in enumerate(self._medians) if math.isfinite(value))
