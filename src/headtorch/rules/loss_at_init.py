"""The first loss is far above that of a guess.

Why it fails: a network that knows nothing should say so. Scores near 0 cost ln k over k classes; normal ones of
standard deviation s cost about `L ≈ ln k + s² / 2`, for being sure of what is wrong. The first steps then do no more
than shrink the last layer (the hockey stick of the loss curve), and are lost to the layers below.

Measured: the first loss of a network that was not trained before, beside ln k, ln 2 for yes or no, or the mean square
of the targets, which is what an answer of 0 costs. A note, whatever the loss does later.

Healthy: about that of a guess (derivation; Karpathy, 2019). Measured over 119 healthy trainings, 95 % of the 111 that
show their targets begin below 1.9 times chance, and one at 6.4 times. Told above twice, or ten times for a squared
error, which is an answer three times as large as the targets.

Fix: make the last layer's weights smaller, `nn.init.normal_(head.weight, std=0.01)`, or normalise what goes into it.

Ignore it when the scores are meant to start sharp, as with a small temperature, and the first steps are cheap.
"""

import math
from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of
from headtorch.store.records import CLASSIFYING, YES_OR_NO

FAMILY = "initialisation"
LEADS_TO = ()
# Weights by He's rule on features of variance 1 give scores of variance 2, which add 1: less than ln 3. Twice ln k
# takes scores as large as 2 over 10 classes.
FAR = 2.0  # times a guess: 95 % of healthy trainings begin below 1.9 times chance
FAR_SQUARED = 10.0  # an answer three times as large as the targets: (1 + 3^2)


def find(signals: Signals) -> Iterator[Finding]:
    """A note for each fit that starts untrained and far above the loss of a guess."""
    for fit in signals.fits:
        guess = _guess(fit)
        if guess is None or fit.trained_before.any() or any(p.loaded for p in fit.parameters):
            continue
        far = FAR_SQUARED if fit.loss is not None and fit.loss.name == "mse" else FAR
        if not math.isfinite(fit.first_loss) or fit.first_loss <= far * guess or not fit.network.linear_maps:
            continue
        last = fit.network.nodes[fit.network.linear_maps[-1]]
        yield Finding(
            rule="loss-at-init",
            severity="note",
            message=f"the first loss is {fit.first_loss:.3g}, {fit.first_loss / guess:.2g}x that of a guess",
            where=place_of(last),
            saw=(
                Evidence("first loss", fit.first_loss, healthy=f"about {guess:.3g}", steps="0"),
                fit.seen_loss,
            ),
            help="make the initial weights of this layer smaller",
            label="starts with large outputs",
            confidence=0.85,
        )


def _guess(fit: Fit) -> float | None:
    """What an answer that says nothing costs, where the loss is one plain mean."""
    loss, targets = fit.loss, fit.series("target")
    if loss is None or loss.reduction != "mean" or loss.weighted or len(fit.objective.losses) != 1 or fit.scale != 1:
        return None
    if loss.name in CLASSIFYING:
        shapes = [n.shape for n in fit.network.nodes if n.op == "LogSoftmax" and n.shape and len(n.shape) >= 2]
        classes = shapes[-1][1] if shapes else 0
        return math.log(classes) if classes > 1 else None
    if loss.name in YES_OR_NO:
        return math.log(2)
    if loss.name == "mse" and targets:
        mean, deviation = (float(value) for value in targets.values[0, :2])
        return mean**2 + deviation**2 or None
    return None
