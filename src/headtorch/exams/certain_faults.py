"""Certain faults: what the graph, the modes and the optimizer's list show after a few steps."""

from __future__ import annotations

import warnings

import numpy as np

from headtorch.exams import Training, short
from headtorch.model import Examined
from headtorch.rules import all_rules

TITLE = "faults that a few steps show"
INTERVENTION, STEPS = "", 0
CERTAIN = 0.9  # the confidence of what does not rest on how the loss goes on


def judge(plain: Training, own: Training) -> Examined:
    """Fails where a rule is that sure."""
    rules = all_rules()
    assert plain.signals is not None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = [finding for rule in rules for finding in rule.find(plain.signals)]
    certain = [f for f in found if f.confidence >= CERTAIN and f.severity != "note"]
    if not certain:
        return Examined(TITLE, "passes", f"none ({len(rules)} rules)")
    first = max(certain, key=lambda finding: finding.confidence)
    place = f" at {short(first.where.file)}:{first.where.line}" if first.where else ""
    others = {f.rule for f in certain} - {first.rule}
    more = f"; and {', '.join(sorted(others))}" if others else ""
    return Examined(TITLE, "fails", f"{first.rule}{place}: {first.message}{more}")
