"""First loss: before anything is learned, the loss is about that of a guess."""

from __future__ import annotations

from headtorch.exams import Training
from headtorch.model import Examined

TITLE = "loss at the start"
INTERVENTION, STEPS = "", 0
FAR = 3.0  # times a guess: of 111 healthy trainings 95 % begin below 1.9 times


def judge(plain: Training, own: Training) -> Examined:
    """Fails far above what the best constant answer costs."""
    fit = plain.fit
    assert fit is not None
    if fit.chance is None:
        return Examined(
            TITLE, "open", f"{fit.first_loss:.3g}; what a guess costs is not known, for the loss shows no targets"
        )
    words = f"{fit.first_loss:.3g}, where a constant answer has {fit.chance:.3g}"
    return Examined(TITLE, ("fails" if not fit.first_loss <= FAR * fit.chance else "passes"), words)
