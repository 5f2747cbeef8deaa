"""Memorises: a network that is to learn thousands of examples must be able to learn three by heart."""

from __future__ import annotations

import numpy as np

from headtorch.exams import Training
from headtorch.model import Examined
from headtorch.trials.interventions import FEW

TITLE = f"memorises {FEW} examples"
INTERVENTION, STEPS = "few_examples", 100
LEFT = 0.1  # of the first loss
RIGHT = 0.99  # accuracy, or R^2
END = 5  # steps


def judge(plain: Training, own: Training) -> Examined:
    """Fails where neither the loss is gone nor all answers are right."""
    fit = own.fit
    if not own.ran.intervened or fit is None:
        return Examined(TITLE, "open", "the loss shows no targets to hold fast")
    end = float(np.median(fit.losses[-END:]))
    measure = next((m for m in reversed(own.ran.measures) if m.phase == "training" and m.value is not None), None)
    words = f"in {fit.steps} steps the loss goes from {fit.first_loss:.3g} to {end:.3g}"
    if measure is not None and measure.value is not None:
        words += f", {measure.kind} {measure.value:.2f}"
    right = measure is not None and measure.value is not None and measure.value >= RIGHT
    # A loss that is below 0 says nothing by its size: then the answers count alone, where they are seen.
    fell = fit.first_loss > 0 and end <= LEFT * fit.first_loss
    learned = right or (fell and (end >= 0 or measure is None))
    return Examined(TITLE, "passes" if learned else "fails", words, fit.curve(24), ("step 1", f"step {fit.steps}"))
