"""Numbers in the words of a finding: what was measured, and which range its rule calls healthy."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\d/])"
TO = re.compile(rf"({NUMBER})\s*%?\s+to\s+({NUMBER})\s*(%?)")
ONE = re.compile(rf"({NUMBER})\s*(%?)")
UPPER = re.compile(r"\b(?:below|at most|less than|under|no more than)\b")
LOWER = re.compile(r"\b(?:above|at least|more than)\b|\bor more\b")
NEARLY = 0.1  # of a value that something is "about" or "near"


class Range(NamedTuple):
    """The values that are healthy; an end that is open is None."""

    low: float | None
    high: float | None


def measured(value: float | str) -> float | None:
    """The number that a piece of evidence is, None where it is none or several."""
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else None
    match = re.fullmatch(rf"\s*({NUMBER})\s*(%?)\s*", value)
    return _number(match[1], match[2]) if match else None


def healthy(words: str | None) -> Range | None:
    """The range that words such as "1e-4 to 1e-2" or "below 20 %" mean, None where they mean none."""
    if not words:
        return None
    # Of "about 1, or 1e-3 to 1e-2 later" the first part counts.
    words = re.split(r",\s(?!\d{3})|;|:", words)[0]
    if between := TO.search(words):
        return Range(_number(between[1], between[3]), _number(between[2], between[3]))
    one = ONE.search(words)
    if one is None:
        return None
    value = _number(one[1], one[2])
    if UPPER.search(words):
        return Range(None, value)
    if LOWER.search(words):
        return Range(value, None)
    if re.search(r"\b(?:about|near)\b", words) or ONE.fullmatch(words.strip()):
        width = NEARLY * abs(value) or NEARLY * (1.0 if one[2] else 0.1)
        return Range(value - width, value + width)
    return None


def _number(digits: str, percent: str) -> float:
    return float(digits.replace(",", "")) / (100 if percent else 1)
