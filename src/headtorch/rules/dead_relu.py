"""ReLUs output zero for every input.

Why learning fails: the slope of a ReLU is 0 where its input z is negative, `∂L/∂w = ∂L/∂h · 1[z > 0] · x`. A unit
that is negative for every example gets no gradient, so nothing can bring it back. One step that is too large, or a
large negative bias, does it.

Measured: the share of a layer's units that put out zero for the whole batch, on the last five looked-at steps, when
the loss came less than half of the way from chance to 0.

Healthy: below 50 %. Measured over 119 healthy trainings, the worst layer has at most 42 % in 19 of 20, and never more
than 75 %. Told at 95 %: a layer that is dead as a whole passes nothing on.

Fix: a lower learning rate; He initialisation with zero biases, `nn.init.kaiming_normal_(w)` (He et al., 2015);
normalised inputs; `nn.LeakyReLU()` (Maas et al., 2013) where it comes again.

Ignore it when a sparse code is wanted, with few units that are ever on, and the loss is as low as it should be.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import callee, lower_rate
from headtorch.signals import Fit, Signals, place_of, span

FAMILY = "the gradient"
LEADS_TO = (
    "vanishing-gradients",
    "lr-too-low",
    "capacity-too-small",
    "zero-or-constant-init",
)
RELUS = ("Relu", "Threshold", "Clamp", "ClampMin", "Hardtanh")
DEAD = 0.95  # of a layer's units: hardly anything passes; no healthy training of 119 has more than 0.75
STUCK = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
ENOUGH = 3  # steps: fewer show a start only


def find(signals: Signals) -> Iterator[Finding]:
    """One finding a fit, at its first layer of dead units."""
    for fit in signals.fits:
        dead = [
            (number, series)
            for number, series in fit.measured("dead_share")
            if fit.network.nodes[number].op in RELUS
            and np.nanmedian(series.column()[-5:]) >= DEAD
            and _is_of_the_network(fit, number)
        ]
        if not dead or fit.steps < ENOUGH or not _stuck(fit):
            continue
        number, series = dead[0]
        node = fit.network.nodes[number]
        share = float(np.nanmedian(series.column()[-5:]))
        yield Finding(
            rule="dead-relu",
            severity="error",
            message=f"{share:.0%} of the units of `{fit.network.name(number)}` put out zero for every input",
            where=(signals.init_place(False) if series.column()[0] >= DEAD else None) or place_of(node),
            saw=(
                Evidence("units that never fire", f"{share:.0%}", healthy="below 50 %", steps=span(series.steps[-5:])),
                Evidence("at the start", f"{float(series.column()[0]):.0%}"),
                Evidence("layers like it", f"{len(dead)} of {len(fit.objective.measured)}"),
                fit.seen_loss,
            ),
            help="lower the learning rate; start with He initialisation and zero biases; or use LeakyReLU",
            label="these units are dead",
            # What is dead before the first step, no step has killed.
            confidence=0.92 if float(series.column()[0]) >= DEAD else 0.72,
        )


def _is_of_the_network(fit: Fit, number: int) -> bool:
    """Whether a non-linearity feeds a linear map or the loss's prediction: a hinge behind them is to be 0."""
    network = fit.network
    outputs = [
        term.prediction for term in fit.objective.losses if term.prediction is not None and term.name != "unknown"
    ]
    return any(number == each or number in network.before(each) for each in (*network.linear_maps, *outputs))


def _stuck(fit: Fit) -> bool:
    return not fit.gain > STUCK


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Biases of zero where they were set, else a lower rate."""
    where = finding.where
    if where is not None and "init." in (callee(signals, where) or ""):
        yield Change("begin with biases of zero", (replace(where, "torch.nn.init.zeros_({0})"),))
    yield from lower_rate(signals)
