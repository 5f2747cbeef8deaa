"""Inputs of a large or unequal scale.

Why learning fails: the gradient of a first-layer weight is the input times the signal from above, `∂L/∂W₁ = δ·xᵀ`,
and the curvature there goes with `E[x xᵀ]`, the square of the scale. Features in the hundreds push sigmoids into
their flat ends and make the valley of the loss long and narrow, so that no one rate fits; features near 0 leave the
weights nothing to work with, and the biases do all the learning.

Measured: the standard deviation and the mean of each feature in the batches given to the network (a column of a
table, a channel of an image); the largest of them is judged. Inputs that an embedding or a norm takes first are left
out. Of several inputs the first is looked at, and the next that is made of floating-point numbers: it is told if it
is large, for small ones may be the weights of a graph.

Healthy: about 1 (LeCun et al., 1998); pixels from 0 to 1 are fine. Measured over 119 healthy trainings: 0.38 to 11 in
9 of 10, and 111 of 115 below 20. Told beyond 20, four hundred times the curvature, or below 0.02, when the loss came
less than half of the way.

Fix: `(x - x_train.mean(0)) / x_train.std(0)`, of the training data only: `StandardScaler`, `transforms.Normalize`; or
begin with a batch norm.

Ignore it when the scale carries meaning that the network undoes itself, as in its first layer.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import standardised
from headtorch.signals import Fit, Signals, span

FAMILY = "the data"
LEADS_TO = (
    "saturated-activations",
    "vanishing-gradients",
    "dead-relu",
    "exploding-gradients",
    "lr-too-high",
    "lr-too-low",
    "init-too-small",
    "capacity-too-small",
    "overfitting",
)
LARGE = 20.0  # 400 times the curvature of inputs of scale 1; 111 of 115 healthy trainings are below
SMALL = 0.02  # a fiftieth of 1, as LARGE is twentyfold; no healthy training of 115 is below 0.16
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
AT_CHANCE = 0.2  # of that way: 116 of 118 come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that does not learn well from inputs of an unfit scale."""
    for fit in signals.fits:
        if not fit.had_time or not fit.gain < LEARNED:
            continue
        first = None if fit.network.looks_up or _embeds_or_normalises(fit) else _unfit(signals, fit, "input", 0, SMALL)
        other = None if _normalises(fit) else _unfit(signals, fit, "other_input", 1, 0.0)
        if (finding := first or other) is not None:
            yield finding


def _unfit(signals: Signals, fit: Fit, quantity: str, position: int, least: float) -> Finding | None:
    """A finding when what a network is given at a position has an unfit scale, not between `least` and `LARGE`."""
    inputs = fit.series(quantity)
    if not inputs:
        return None
    spread, mean = np.nanmedian(inputs.values[:, 5]), np.nanmedian(inputs.values[:, 7])
    scale = float(np.nanmax([spread, mean]))
    smallest = float(np.nanmedian(inputs.values[:, 6]))
    narrow = bool(least) and 0 < spread < SMALL * mean  # all alike, beside what tells them apart
    if (least < scale < LARGE and not narrow) or scale == 0:
        return None
    low, high = float(inputs.values[:, 2].min()), float(inputs.values[:, 3].max())
    return Finding(
        rule="input-not-normalised",
        severity="error" if fit.gain < AT_CHANCE else "warning",
        message=f"the inputs lie within {spread / mean:.1%} of {mean:.3g}: what tells them apart is small beside it"
        if narrow
        else f"the inputs reach from {low:.3g} to {high:.3g}: far from a scale of 1",
        where=signals.input_place(fit, position),
        saw=(
            Evidence("largest std of a feature", float(spread), healthy="about 1", steps=span(inputs.steps[:100])),
            Evidence("smallest std of a feature", smallest, healthy="about 1"),
            fit.seen_loss,
        ),
        help="subtract each feature's mean and divide by its standard deviation, both of the training data",
        label="these inputs",
        confidence=0.86,
    )


def _embeds_or_normalises(fit: Fit) -> bool:
    """Whether the first operations make the scale of the input meaningless: an embedding, a frozen one too, which the
    graph does not show; or a norm."""
    return any(parameter.kind == "Embedding" for parameter in fit.frozen) or any(
        node.op == "Embedding" or "Norm" in node.op for node in fit.network.nodes[:3] if not node.inputs
    )


def _normalises(fit: Fit) -> bool:
    """Whether a norm comes first of all for some of the data."""
    return any("Norm" in node.op and not node.inputs for node in fit.network.nodes)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Inputs of mean 0 and deviation 1, those that are evaluated by the same numbers."""
    yield from standardised(signals, signals.longest)
