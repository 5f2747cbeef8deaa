"""Fine-tuning wrecks the features it meant to use.

Why it fails: loaded weights stand in a good place. Steps that were made for a random start carry them away before the
new head has learned anything: a way of `Σ |Δw|/|w| = 0.5` is enough to turn a weight vector by 30°, for sin 30° =
0.5.

Measured: |Δw|/|w| of weights that were loaded or trained before, on the first looked-at steps, their sum, and what
became of the loss.

Healthy: steps well below 0.05, and less than 0.1 in all while a new head settles (derivation: ten steps of 0.05 are
that half). Fine-tuning takes smaller rates for early layers, and thaws them late (Howard & Ruder, 2018). Told
when the loss stays at chance, or when a single step is that half: the training loss may fall all the same, by
heart and without the features.

Fix: a rate of a tenth or a hundredth of the one the weights were trained with,
`Adam([{"params": body.parameters(), "lr": 1e-5}, {"params": head.parameters()}])`; freeze the features first; warm
up.

Ignore it when the loaded weights are no more than a starting point, for a task that shares nothing with theirs.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import lower_rate, scaled
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = ("lr-too-high", "dead-relu", "exploding-gradients", "vanishing-gradients", "overfitting")
LARGE_STEP = 0.05  # |dw|/|w|: ten such steps are FAR
FAR = 0.5  # sum of |dw|/|w|: can turn a weight vector by asin(0.5) = 30 degrees
AT_ONCE = FAR  # in one step
AT_CHANCE = 0.15  # of the way from chance to 0: 116 of 118 healthy trainings come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that throws loaded weights about and learns nothing."""
    for fit in signals.fits:
        updates = fit.series("update_ratio")
        mask = fit.weights & fit.trained_before & fit.moved
        if not updates or not mask.any() or updates.values.shape[1] != len(mask):
            continue
        first = float(np.nanmax(np.nanmedian(updates.values[:20, mask], axis=1)))
        distance = float(np.nansum(np.nanmedian(updates.values[:100, mask], axis=1)))
        at_chance = fit.gain < AT_CHANCE and fit.had_time
        if distance < FAR or first < (LARGE_STEP if at_chance else AT_ONCE):
            continue
        yield Finding(
            rule="pretrained-destroyed",
            severity="error" if at_chance else "warning",
            message=f"steps move what was learned before by {first:.2g} times its size"
            + (", and the loss stays at chance" if at_chance else ""),
            where=signals.rate_place(fit),
            saw=(
                Evidence("|Δw|/|w| of loaded weights", first, healthy="well below 0.05"),
                Evidence("moved in the first looked-at steps", distance, healthy="below 0.1 in all"),
                fit.seen_loss,
            ),
            help="lower the learning rate to a hundredth; or freeze the loaded layers first",
            label="this rate moves the loaded weights",
            confidence=0.87 if at_chance else 0.8,
        )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A lower rate for what was learned before."""
    yield from scaled(signals, finding.where, "lr", "lower the learning rate to", (0.1, 0.01, 0.001), None)
    yield from lower_rate(signals)
