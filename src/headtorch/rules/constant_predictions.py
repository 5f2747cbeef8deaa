"""The network says the same of every input.

Why learning fails: the best answer that does not depend on the input is the mean of the targets,
`argmin_c Σᵢ (c − yᵢ)² = mean(y)`, or the share of each class, and no loss below chance is to be had with it. Something
on the way lets nothing through (dead units, a layer that is saturated or whose signal dies out), or nothing in the
inputs tells of the targets.

Measured: how much predictions differ from example to example over the last ten looked-at steps, beside the targets
where these are numbers. Told only when the loss came less than 0.05 of the way from chance to 0, and no other loss
depends on the same weights.

Healthy: above 0.01 of the targets' spread, or 0.02 for scores (derivation: predictions that explain a share R² of the
variance spread by R times it, so 0.01 explains 0.0001; scores that differ by 0.02 change a probability by 0.005 at
most). Measured over 119 healthy trainings, 117 of 118 come more than 0.1 of the way.

Fix: look for the first layer whose outputs do not differ between examples, `print(layer(x).std(dim=0))`; compare with
a training on `torch.zeros_like(x)`, which should be clearly worse.

Ignore it when the targets are noise by construction, as in a test that nothing can be learned from them.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals
from headtorch.store.records import CLASSIFYING, DISTANCES

FAMILY = "the network"
LEADS_TO = ()
SYMPTOM = True  # any other error can bring it about, on whatever stage between input and loss
SMALL = 0.01  # of the targets' spread: explaining a share R² of the variance takes R of it, 0.01 explains 0.0001
SMALL_SCORE = 0.02  # scores that differ by this move a probability by half a per cent at most: p (1 - p) <= 1/4
STEPS = 50  # looked-at steps: what is just beginning may still say the same
AT_CHANCE = 0.05  # of the way from chance to 0: 117 of 118 healthy trainings come further than twice this


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose predictions do not depend on the input, and whose loss is that of a constant."""
    for fit in signals.fits:
        seen = _spread(fit)
        if seen is None or not fit.gain < AT_CHANCE or fit.diverged_at is not None or _has_rival(signals, fit):
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
    if loss.name in DISTANCES:
        return spread, SMALL * float(np.median(targets.values[-10:, 7]))
    return (spread, SMALL_SCORE) if loss.name in (*CLASSIFYING, "bce_with_logits") else None
