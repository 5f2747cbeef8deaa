"""Labels: whether they matter, so that the loss falls further with them than with shuffled ones."""

from __future__ import annotations

import math

import numpy as np

from headtorch.exams import PLAIN_STEPS, Training
from headtorch.model import Examined

TITLE = "the labels matter"
INTERVENTION, STEPS = "shuffled_labels", PLAIN_STEPS
SURE = 2.0  # standard errors of the difference: by chance one time in forty


def judge(plain: Training, own: Training) -> Examined:
    """Open where a few steps show no difference: the task may be slow to learn."""
    if not own.ran.intervened or own.fit is None or plain.fit is None:
        return Examined(TITLE, "open", "the loss shows no targets to shuffle")
    count = min(plain.fit.steps, own.fit.steps)
    true, shuffled = plain.fit.losses[:count], own.fit.losses[:count]
    late = slice(count - max(count // 3, 1), count)
    gap = float(np.mean(shuffled[late]) - np.mean(true[late]))
    error = math.sqrt((np.var(true[late]) + np.var(shuffled[late])) / max(count // 3, 1))
    figures = (
        f"after {count} steps the loss is {np.mean(true[late]):.3g} with them, {np.mean(shuffled[late]):.3g} shuffled"
    )
    if gap > SURE * error:
        return Examined(TITLE, "passes", figures)
    return Examined(TITLE, "open", f"{figures}: no difference yet")
