"""Claims: what a lab says that a test measures."""

from __future__ import annotations

import math
from typing import NamedTuple


class Claim(NamedTuple):
    """A sentence about one of the numbers of an experiment, and the bounds within which it holds."""

    sentence: str
    number: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a measured value bears the claim out."""
        return self.at_least <= value <= self.at_most

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        low, high = math.isfinite(self.at_least), math.isfinite(self.at_most)
        if low and high:
            return f"{self.at_least:g} to {self.at_most:g}"
        return f"at least {self.at_least:g}" if low else f"at most {self.at_most:g}"
