"""The network says the same of every input.

Why learning fails: predictions that do not depend on the input can at best be the mean of the targets, or the share of
each class. Something on the way lets nothing through (dead units, a layer that is saturated or whose signal dies out),
or nothing in the inputs tells of the targets.

Measured: how much predictions differ from example to example at the end of the training, beside the targets, and the
loss beside that of the best constant answer.

Fix: look where the signal is lost, and at the first layer whose activations do not differ between examples; compare
with a training on inputs that are all 0, which should be clearly worse.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals

FAMILY = "the network"
LEADS_TO = ()
SYMPTOM = True
# Of the targets' spread. A prediction that explains a share R^2 of the variance has a spread of R times it: 1 % of the
# spread explains a ten-thousandth.
SMALL = 0.01
SMALL_SCORE = 0.02  # scores that differ by this move a probability by half a per cent at most: p (1 - p) <= 1/4
STEPS = 50  # looked-at steps: what is just beginning may still say the same


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose predictions do not depend on the input, and whose loss is that of a constant."""
    for fit in signals.fits:
        seen = _spread(fit)
        if seen is None or not fit.gain < 0.05 or fit.diverged_at is not None or _has_rival(signals, fit):
            continue
        spread, small = seen
        if not spread < small:
            continue
        prediction = fit.network.prediction
        yield Finding(
            rule="constant-predictions",
            severity="error",
            message=f"predictions differ by {spread:.2g} from example to example, next to nothing",
            where=(prediction.made_at or prediction.where) if prediction is not None else fit.objective.backward_at,
            saw=(
                Evidence("spread of predictions", spread, healthy=f"above {small:.2g}"),
                Evidence("loss of a constant answer", fit.chance if fit.chance is not None else float("nan")),
                fit.seen_loss,
            ),
            help="look for the layer where examples become alike",
            label="says the same of every input",
            confidence=0.55,
        )


def _has_rival(signals: Signals, fit: Fit) -> bool:
    """Whether another loss depends on the same weights: the discriminator of a good GAN says 1/2 of everything."""
    mine = set(fit.objective.reached)
    return any(mine & set(other.objective.reached) for other in signals.fits if other is not fit)


def _spread(fit: Fit) -> tuple[float, float] | None:
    """The spread of the predictions over the examples at the end, and what would be small; None without targets that
    differ."""
    predictions, targets, loss = fit.series("prediction"), fit.series("target"), fit.loss
    if loss is None or len(predictions.steps) < STEPS or not targets or not fit.chance:
        return None
    if len(fit.objective.losses) != 1 or not np.median(targets.values[:, 1]) > 0:
        return None
    spread = float(np.median(predictions.values[-10:, 5]))
    if loss.name in ("mse", "l1", "smooth_l1", "huber"):
        return spread, SMALL * float(np.median(targets.values[-10:, 7]))
    return (spread, SMALL_SCORE) if loss.name in ("cross_entropy", "nll", "bce_with_logits") else None
