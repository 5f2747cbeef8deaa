"""Inputs of a large or unequal scale.

Why learning fails: the gradient of a first-layer weight is the input times the signal from above. Features in the
hundreds push sigmoids into their flat ends and make the valley of the loss long and narrow, so that no one rate fits;
features near 0 leave the weights nothing to work with, and the biases do all the learning.

Measured: the standard deviation of each feature in the batches given to the network (a column of a table, a channel of
an image). Around 1 is right; pixels from 0 to 1 are fine.

Fix: subtract the mean and divide by the standard deviation, both of the training data: `StandardScaler`,
`transforms.Normalize`; or begin with a batch norm.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
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
    "constant-predictions",
)
LARGE = 20.0
SMALL = 0.02


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that does not learn well from inputs of an unfit scale."""
    for fit in signals.fits:
        inputs = fit.series("input")
        if not inputs or not fit.gain < 0.5 or _embeds_or_normalises(fit):
            continue
        spread, mean = np.nanmedian(inputs.values[:, 5]), np.nanmedian(inputs.values[:, 7])
        scale = float(np.nanmax([spread, mean]))
        smallest = float(np.nanmedian(inputs.values[:, 6]))
        if SMALL < scale < LARGE or scale == 0:
            continue
        low, high = float(inputs.values[:, 2].min()), float(inputs.values[:, 3].max())
        yield Finding(
            rule="input-not-normalised",
            severity="error" if fit.gain < 0.2 else "warning",
            message=f"the inputs reach from {low:.3g} to {high:.3g}: far from a scale of 1",
            where=signals.input_place(fit),
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
    """Whether the first operations make the scale of the input meaningless: an embedding, or a norm."""
    return any(node.op == "Embedding" or "Norm" in node.op for node in fit.network.nodes[:3] if not node.inputs)
