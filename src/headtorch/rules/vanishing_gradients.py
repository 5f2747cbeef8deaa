"""The gradient shrinks layer by layer until early layers do not move.

Why learning fails: backpropagation multiplies one slope and one weight matrix a layer. A sigmoid's slope is at most
1/4, so ten layers leave at most a millionth; small weights do the same. The last layers learn from features that never
change.

Measured: |g|/|w|, which no scale of the weights can hide, of the first weight matrices against the last, while the loss
stays at chance. Healthy trainings, recurrent and deep ones among them, keep the first above 2e-3 of the last; below
1e-3 no one rate serves both. In an unrolled recurrence, the gradient that arrives at the earliest steps beside the
largest.

Fix: ReLU in place of sigmoid or tanh in hidden layers, He or Glorot initialisation, batch norm, skip connections.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Fit, Signals, place_of

FAMILY = "the gradient"
LEADS_TO = (
    "lr-too-low",
    "capacity-too-small",
    "constant-predictions",
)
SHRUNK = 1e-3  # first over last
FORGOTTEN = 1e-6  # of the gradient at the last step of a sequence: no sum over the steps brings it back


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit at chance whose early layers get a far smaller gradient than the late ones."""
    for fit in signals.fits:
        if fit.steps < 10 or not fit.gain < 0.3 or fit.diverged_at is not None:
            continue
        if (seen := _through_time(fit)) is not None:
            yield seen
            continue
        relative = fit.relative_gradients
        if relative.size == 0 or relative.shape[1] < 3:
            continue
        # At the start: a last layer that has settled on a constant answer gets little gradient itself.
        typical = np.nanmedian(relative[:10], axis=0)
        ratio = float(np.min(typical[: max(1, len(typical) // 3)]) / max(typical[-1], 1e-30))
        if ratio > SHRUNK or typical[-1] <= 0:
            continue
        squashers = [
            n
            for n in fit.objective.measured
            if fit.network.nodes[n].op in ("Sigmoid", "Tanh") and not fit.network.is_output(n)
        ]
        first = fit.network.nodes[squashers[0]] if squashers else fit.network.nodes[fit.network.linear_maps[0]]
        yield Finding(
            rule="vanishing-gradients",
            severity="error",
            message=f"the gradient of the first layer is {ratio:.1e} of the last layer's, beside their weights",
            where=place_of(first),
            saw=(
                Evidence("|g|/|w|, first over last layer", ratio, healthy="above 2e-3"),
                Evidence("|g|/|w| of the first layer", float(typical[0]), curve=tuple(float(v) for v in typical)),
                fit.seen_loss,
            ),
            help="use ReLU in the hidden layers with He initialisation; or batch norm, or skip connections",
            label="the gradient fades on its way down to here",
            confidence=0.74 if squashers else 0.7,
        )


def _through_time(fit: Fit) -> Finding | None:
    """The gradient that fades from step to step of a recurrence whose weights are passed many times."""
    gradients = fit.series("output_grad_norm")
    if fit.network.passes < 8 or not fit.gain < 0.1 or not gradients:
        return None
    typical = np.nanmedian(gradients.values, axis=0)
    ratio = float(np.min(typical) / max(float(np.max(typical)), 1e-30))
    if ratio > FORGOTTEN:
        return None
    weight = next(
        n for n in fit.network.linear_maps if fit.network.uses[fit.network.nodes[n].weight] == fit.network.passes
    )
    return Finding(
        rule="vanishing-gradients",
        severity="error",
        message=f"through {fit.network.passes} steps of the recurrence the gradient fades to {ratio:.1e} of itself",
        where=place_of(fit.network.nodes[weight]),
        saw=(
            Evidence("gradient at the far end over the near end", ratio, healthy="above 1e-6"),
            Evidence("times the same weights are passed", float(fit.network.passes)),
            fit.seen_loss,
        ),
        help="use LSTM or GRU for long sequences, start the recurrent weights orthogonal, "
        "or read an average of the steps",
        label="the gradient fades through its steps",
        confidence=0.8,
    )
