"""Batch statistics of one or two examples.

Why it fails: batch norm computes `x̂ = (x − μ) / √(σ² + ε)` with the mean and deviation of the batch. Of one value
that is 0, of two values it is −1 and +1: only which of them is larger is left, and what makes an example differ is
divided out. In evaluation the running statistics take their place, and the network meets numbers that it has never
seen.

Measured: how many examples the batch norms get in training, the median of the looked-at steps.

Healthy: 16 or more; with smaller batches the error of a network with batch norm rises (Wu & He, 2018). Told at 1 and
2, where the formula above leaves a sign or nothing (derivation); not where each channel has 256 values or more all the
same, over the positions of an image; or 16, where evaluations are normalised by their own too, as by instance norm.

Fix: larger batches, `DataLoader(data, batch_size=16)`; or a norm that does not look at the batch,
`nn.GroupNorm(8, channels)` or `nn.LayerNorm(features)`.

Ignore it when the batch norm stands behind convolutions over images of much the same statistics: they run over all
positions too, and are less noisy than the number of examples says.
"""

import math
from collections.abc import Iterator

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.signals import Fit, Signals, place_of

FAMILY = "training and evaluation mode"
LEADS_TO = ("vanishing-gradients", "batchnorm-stats-stale", "overfitting", "lr-too-high", "preprocessing-mismatch")
TINY = 2  # examples: normalised by their own mean and deviation, two values are always -1 and 1
MANY = 256  # values of a channel, as 16 examples of 4 x 4: their mean is known to 6 % of their deviation
ENOUGH = 16  # values of a channel, as of 16 examples, where they need not be those of any other batch
TRIED = 5  # steps: fewer are a try of the network, not a training


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that trains batch norms on one or two examples at a time."""
    for fit in signals.fits:
        norms = [node for node in fit.network.nodes if "BatchNorm" in node.op and node.shape]
        inputs = fit.series("input")
        if not norms or not inputs or fit.steps < TRIED:
            continue
        trains = [event for event in signals.run.events("mode") if event.value["objective"] == fit.objective.id]
        if any(event.value["norms"] and event.value["norms_off"] == event.value["norms"] for event in trains):
            continue
        if fit.examples > TINY or norms[0].shape is None or norms[0].shape[0] > TINY:
            continue
        values = min(math.prod(node.shape or ()) / (node.shape or (1, 1))[1] for node in norms)
        if values >= (ENOUGH if _is_never_in_eval_mode(fit) else MANY):
            continue
        yield Finding(
            rule="batchnorm-tiny-batch",
            severity="error",
            message=f"{len(norms)} batch norms take their statistics from a batch of {fit.examples:g}",
            where=place_of(norms[0]),
            saw=(Evidence("examples in a batch", fit.examples, healthy="16 or more"), fit.seen_loss),
            help="use larger batches, or `GroupNorm`, which does not look at the batch",
            label="this batch norm",
            confidence=0.93,
        )


def _is_never_in_eval_mode(fit: Fit) -> bool:
    """Whether whatever runs without gradient takes the statistics of its own batch too, as instance norm does."""
    calls = fit.series("evaluation")
    return not (calls and calls.values[:, 4].any())


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Group norms in the place of all batch norms, in groups that the channels can be divided by."""
    if finding.where is None:
        return
    norms = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")
    places = [place for _, place in signals.places.calls(finding.where.file, *norms)]
    for groups in (4, 1):
        edits = tuple(replace(place, f"torch.nn.GroupNorm({groups}, {{0}})") for place in places)
        yield Change("use group norms, which do not look at the batch", edits)
