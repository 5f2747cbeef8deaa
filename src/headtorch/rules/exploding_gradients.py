"""The gradient grows layer by layer or step by step.

Why learning fails: backpropagation through many layers, or through many steps of a recurrent layer, multiplies as many
matrices. Where each one stretches, the product grows without bound; a single step along such a gradient throws the
weights away, at a learning rate that would do well otherwise.

Measured: |g|/|w| before anything went wrong, on the first steps, and its largest value beside the usual one. It is of
the order of 1e-3 to 1 at initialisation, whatever the network.

Fix: clip the norm of the gradient (`clip_grad_norm_`, 1.0) before each step; orthogonal or smaller recurrent weights;
LSTM or GRU for long sequences; normalisation in deep networks.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the gradient"
LEADS_TO = (
    "vanishing-gradients",
    "lr-too-high",
    "numeric-overflow",
    "dead-relu",
    "saturated-activations",
    "constant-predictions",
)
HUGE = 10.0  # |g|/|w| at the start
DEEP = 5  # linear maps: a product of fewer matrices is no reason to explode
SPIKE = 100.0  # largest over usual


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose gradients are huge at the start or in spikes, and whose loss shows the harm."""
    for fit in signals.fits:
        relative = fit.relative_gradients
        harmed = (
            fit.diverged_at is not None
            or fit.last_loss > 2 * fit.first_loss
            or (fit.gain < 0.1 and fit.chance is not None)
        )
        if fit.steps < 2 or relative.size == 0 or not harmed:
            continue
        whole = np.nanmax(np.where(np.isfinite(relative), relative, np.nan), axis=1)
        before = whole[: max(1, int(np.searchsorted(fit.series("grad_norm").steps, fit.diverged_at or 1)))]
        start, usual = float(whole[0]), float(np.nanmedian(whole))
        largest = float(np.nanmax(before if fit.diverged_at is not None else whole))
        recurrent = fit.network.passes
        deep = recurrent > 4 or len(fit.network.linear_maps) >= DEEP
        if not ((deep and start > HUGE) or (recurrent > 4 and largest > SPIKE * max(usual, 1e-12))):
            continue
        yield Finding(
            rule="exploding-gradients",
            severity="error",
            message=f"the gradient is {max(start, largest):.2g} times as large as the weights it is to change",
            where=fit.objective.backward_at,
            saw=(
                Evidence("|g|/|w| at the first step", start, healthy="1e-3 to 1"),
                Evidence("times the same weights are passed", float(recurrent)),
                fit.seen_loss,
            ),
            help="clip the norm of the gradient to 1.0 after this line, before the step",
            label="clip the gradient after this",
            confidence=0.88 if recurrent > 4 else 0.81,
        )
