"""A deep plain stack would train with skip connections (or normalisation).

Why learning fails: each layer of a plain stack multiplies the signal by one more matrix and one more slope, forwards
and backwards. Ten or twenty of them leave the first layers without a gradient and the last without a signal. A skip
connection, `h_{l+1} = h_l + F(h_l)`, adds a path on which nothing is multiplied, `∂h_{l+1}/∂h_l = 1 + F′(h_l)`; a
norm brings the scale back at each layer.

Measured: the number of linear maps on the shortest path from input to loss, norms on the way, the gradient that
arrives at the first of them, and how much the layers' outputs differ from example to example at the start.

Healthy: below 10 maps without skips or norms; measured over 119 healthy trainings, none has more than 9 on its
shortest path. He et al. (2016) and Ioffe & Szegedy (2015) go far deeper with them. Told only when the first layer's
|g|/|w| is below 1e-3 of the last one's or, without norms, the outputs differ by less than 1 %, and the loss stays
near chance.

Fix: `x = x + block(x)`, or `torch.cat([x, block(x)], dim=1)`; or a `nn.LayerNorm(width)` in each block.

Ignore it when a deep plain stack is what is studied, with an initialisation made for it.
"""

import ast
from collections import Counter
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import assigned_names
from headtorch.remedies import assignment_at
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
    "weight-decay-too-high",
)
DEEP = 10  # linear maps in a row: slopes of 1/4 leave 1e-6; no healthy training of 119 has more than 9
SHRUNK = 1e-3  # |g|/|w| of the first over the last: no one rate serves both; 63 of 65 healthy trainings stay above 2e-3
FADED = 1e-2  # spread from example to example over size: 105 of 110 healthy trainings start above
AT_CHANCE = 0.2  # of the way from chance to 0: 116 of 118 healthy trainings come further
ENOUGH = 10  # steps: fewer show a start only


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each deep plain network at chance whose signal or gradient fades on the way."""
    for fit in signals.fits:
        if not fit.gain < AT_CHANCE or fit.steps < ENOUGH or fit.network.shortest_path() < DEEP:
            continue
        normed = any("Norm" in node.op for node in fit.network.nodes)
        relative = fit.relative_gradients
        if relative.size == 0:
            continue
        ratio = float(np.nanmedian(relative[:, 0]) / max(float(np.nanmedian(relative[:, -1])), 1e-30))
        spread = fit.series("batch_spread")
        faded = bool(spread) and float(np.nanmin(spread.values[0])) < FADED
        if not (ratio < SHRUNK or (faded and not normed)):
            continue
        lines = Counter(fit.network.nodes[number].where for number in fit.network.linear_maps)
        (line, times), first = lines.most_common(1)[0], fit.network.nodes[fit.network.linear_maps[0]]
        yield Finding(
            rule="no-skip-too-deep",
            severity="error",
            message=f"{fit.network.shortest_path()} linear maps stand in a row without a skip connection"
            + ("" if normed else " or a norm"),
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
            help="add each block's input to its output" + ("" if normed else ", or put a norm into each block"),
            label="one of the row",
            confidence=0.89 if normed else 0.86,
        )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A way around each block of a loop."""
    statement = assignment_at(signals, finding.where)
    if statement is None or finding.where is None:
        return
    for name in assigned_names(statement)[:1]:
        if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement.value)):
            place = signals.places.where(finding.where.file, statement.value)
            yield Change("add a skip connection", (replace(place, f"{name} + {{}}"),))
            code = f"(block := {{}}) + ({name} if {name}.shape == block.shape else 0)"
            yield Change("add a skip connection where the shapes allow it", (replace(place, code),))
