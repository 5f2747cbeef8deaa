"""Scale: from values to places on an axis, and the values at which an axis is labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from headtorch.figures import Axis

SMALLEST = 1e-300  # what is drawn at the lower end of a logarithmic axis: zero has no place on it
NICE = (1, 2, 2.5, 5, 10)


class Scale(NamedTuple):
    """A stretch of an axis, from `low` to `high`."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, 0 at the low end, 1 at the high one; beyond these outside of the axis."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, SMALLEST))
        # Halved, so that the difference of two huge numbers is still finite.
        length = high / 2 - low / 2
        return (value / 2 - low / 2) / length if length > 0 else 0.5

    def value(self, place: float) -> float:
        """The value at a place, the inverse of `place`."""
        if self.log:
            return math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low)))
        return self.low + place * (self.high - self.low)

    def ticks(self, most: int = 5) -> list[float]:
        """At most `most` + 1 round values within the stretch."""
        return self._decades(most) or self._even(most)

    def _decades(self, most: int) -> list[float]:
        if not self.log:
            return []
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, math.ceil((last - first + 1) / most))
        powers = [power for power in range(first, last + 1) if power % every == 0]
        if len(powers) < 2:
            powers = list(range(first, last + 1, every))
        return [10.0**power for power in powers] if len(powers) > 1 else []

    def _even(self, most: int) -> list[float]:
        rough = (self.high / 2 - self.low / 2) / most * 2
        if not math.isfinite(rough) or rough <= 0:
            return [self.low]
        power = 10.0 ** math.floor(math.log10(rough))
        step = next((nice * power for nice in NICE if nice * power >= rough * 0.999), rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, min(last, first + 2 * most) + 1)]


def scale(axis: Axis, values: Iterable[float]) -> Scale:
    """The stretch that shows all of `values`, with the ends that the axis fixes.

    A linear axis of values above 0 begins at 0, so that a flat curve does not look steep.
    """
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not axis.log)]
    low = min(finite, default=1.0 if axis.log else 0.0) if axis.low is None else axis.low
    high = max(finite, default=10.0 if axis.log else 1.0) if axis.high is None else axis.high
    if axis.log:
        low = max(low, SMALLEST)
        if high <= low * 1.001:
            low, high = low / 3, max(high, low) * 3
        return Scale(low, high, log=True)
    if axis.low is None and low > 0:
        low = 0.0
    if not high > low:
        high = low + (abs(low) or 1.0)
    return Scale(low, high)


def tick(value: float) -> str:
    """A value as an axis is labelled: 0.05, 12, 20k, 1.5M, 1e-5."""
    size = abs(value)
    if not math.isfinite(size):
        return "NaN" if math.isnan(size) else "infinite"
    if value == 0:
        return "0"
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if limit <= size < 1e12:
            return f"{value / (1e3 if letter == 'k' else limit):.4g}{letter}"
    if size < 1e-3 or size >= 1e12:
        mantissa, _, power = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(power)}"
    return f"{value:.4g}"
