"""Training and evaluation data are prepared differently.

Why it fails: a network knows the numbers it was trained on. The same picture with ink 0 and paper 1, or scaled by 255,
is another input, and the answer is a guess.

Measured: mean and standard deviation of what the network is given in training and in evaluation, with the same shape.

Fix: one function that prepares both, with statistics of the training data.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = (
    "overfitting",
    "batchnorm-stats-stale",
    "constant-predictions",
)
SHIFT = 0.7  # of the training data's standard deviation
SCALE = 2.5


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that is evaluated on inputs of another scale."""
    for fit in signals.fits:
        train, held = fit.series("input"), fit.series("eval_input")
        if not train or not held or fit.diverged_at is not None:
            continue
        many = held.values[held.values[:, 9] >= 8]
        if len(many) == 0 or float(np.median(train.values[:, 8])) != float(np.median(many[:, 8])):
            continue
        mean, deviation = (float(np.median(train.values[:, column])) for column in (0, 1))
        their_mean, their_deviation = (float(np.median(many[:, column])) for column in (0, 1))
        noise = float(np.std(train.values[:, 0]))  # from batch to batch
        shift = abs(their_mean - mean) / max(deviation, 1e-12)
        ratio = their_deviation / max(deviation, 1e-12)
        if not (shift > SHIFT and abs(their_mean - mean) > 6 * noise) and not (ratio > SCALE or ratio < 1 / SCALE):
            continue
        yield Finding(
            rule="preprocessing-mismatch",
            severity="error",
            message=f"evaluation inputs have mean {their_mean:.3g} and std {their_deviation:.3g}, "
            f"training inputs {mean:.3g} and {deviation:.3g}",
            where=signals.evaluated_data_place() or signals.input_place(fit),
            saw=(
                Evidence("shift of the mean", shift, healthy="below 0.2 standard deviations"),
                Evidence("ratio of the deviations", ratio, healthy="about 1"),
                fit.seen_loss,
            ),
            help="prepare training and evaluation data by the same function",
            label="these inputs",
            confidence=0.87,
        )
