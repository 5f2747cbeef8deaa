"""A deep plain stack would train with skip connections (or normalisation).

Why learning fails: each layer of a plain stack multiplies the signal by one more matrix and one more slope, forwards
and backwards. Ten or twenty of them leave the first layers without a gradient and the last without a signal. A skip
connection adds a path on which nothing is multiplied; a norm brings the scale back at each layer.

Measured: the number of linear maps on the shortest path from input to loss, norms on the way, and the gradient that
arrives at the first of them.

Fix: add the input of a block to its output (He et al. 2016), or concatenate it; put a batch or layer norm in each
block.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals, place_of

FAMILY = "the network"
LEADS_TO = (
    "vanishing-gradients",
    "exploding-gradients",
    "lr-too-low",
    "dead-relu",
    "saturated-activations",
    "capacity-too-small",
    "init-too-small",
    "constant-predictions",
)
DEEP = 10  # linear maps in a row
SHRUNK = 1e-3  # |g|/|w| of the first over the last


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each deep plain network at chance whose signal or gradient fades on the way."""
    for fit in signals.fits:
        if not fit.gain < 0.2 or fit.steps < 10 or fit.network.shortest_path() < DEEP:
            continue
        if any("Norm" in node.op for node in fit.network.nodes):
            continue
        relative = fit.relative_gradients
        if relative.size == 0:
            continue
        ratio = float(np.nanmedian(relative[:, 0]) / max(float(np.nanmedian(relative[:, -1])), 1e-30))
        spread = fit.series("batch_spread")
        faded = bool(spread) and float(np.nanmin(spread.values[0])) < 1e-2
        if not (ratio < SHRUNK or faded):
            continue
        lines = Counter(fit.network.nodes[number].where for number in fit.network.linear_maps)
        (line, times), first = lines.most_common(1)[0], fit.network.nodes[fit.network.linear_maps[0]]
        yield Finding(
            rule="no-skip-too-deep",
            severity="error",
            message=f"{fit.network.shortest_path()} linear maps stand in a row without a skip connection or a norm",
            where=line if 1 < times < len(fit.network.linear_maps) else place_of(first),
            saw=(
                Evidence(
                    "linear maps on the shortest path",
                    float(fit.network.shortest_path()),
                    healthy="below 10 without skips",
                ),
                Evidence("|g|/|w|, first over last layer", ratio, healthy="above 2e-3"),
                fit.seen_loss,
            ),
            help="add each block's input to its output, or put a norm into each block",
            label="one of the row",
            confidence=0.86,
        )
