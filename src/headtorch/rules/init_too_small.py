"""Initial weights let the signal die out on its way.

Why learning fails: a layer of n inputs with weights of standard deviation s multiplies the spread of its input by
s·√n. Well below 1 the signal fades with every layer, `std(h_L) = (s·√n)^L · std(x)`, the outputs are the same for
every input, and the gradient fades on its way back by the same factors (Glorot & Bengio, 2010).

Measured: s·√n of each weight matrix before training, when at least two layers, and half of them, are small, and the
loss hardly leaves chance.

Healthy: 0.5 to 2: PyTorch's default is 0.58, orthogonal 1, He's 1.41 (He et al., 2015); measured over 119 healthy
trainings, all but one have 0.25 or more in the middle layer. Below 0.25 five layers leave less than a thousandth
(derivation).

Fix: `nn.init.kaiming_normal_(w)` before ReLU, `nn.init.xavier_normal_(w)` otherwise, or leave PyTorch's defaults.

Ignore it when the branches of a residual network start small on purpose, or a norm follows each layer.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import by_he, scaled
from headtorch.signals import Fit, Signals, place_of
from headtorch.store.records import Parameter

FAMILY = "initialisation"
LEADS_TO = (
    "vanishing-gradients",
    "lr-too-low",
    "dead-relu",
    "capacity-too-small",
    "no-skip-too-deep",
    "weight-decay-too-high",
)
SMALL = 0.25  # s sqrt(n): five layers leave 1e-3; the default is 0.58; 116 of 117 healthy trainings have more
MOST = 0.5  # of the layers: single small ones, such as a last layer, are usual
HELD_BACK = 0.3  # of the way from chance to 0: 114 of 118 healthy trainings come further
ENOUGH = 10  # steps: fewer show a start only


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that starts with small weights in most layers and does not get going."""
    for fit in signals.fits:
        if fit.trained_before.any() or not fit.gain < HELD_BACK or fit.steps < ENOUGH:
            continue
        used = {fit.network.nodes[number].weight for number in fit.network.linear_maps}
        gains = {p.id: _gain(fit, p) for p in fit.parameters if p.id in used and len(p.shape) >= 2}
        small = {number: gain for number, gain in gains.items() if 0 < gain < SMALL}
        if len(small) < 2 or len(small) < MOST * len(gains):
            continue
        node = next(fit.network.nodes[n] for n in fit.network.linear_maps if fit.network.nodes[n].weight in small)
        typical = float(np.median(list(small.values())))
        yield Finding(
            rule="init-too-small",
            severity="error",
            message=f"{len(small)} of {len(gains)} layers start with weights that shrink the signal "
            f"to {typical:.2g} of itself",
            where=signals.init_place(False) or place_of(node),
            saw=(
                Evidence("std x sqrt(fan-in)", typical, healthy="0.5 to 2"),
                Evidence("shrinks over the layers to", float(np.prod(list(gains.values()))), healthy="about 1"),
                fit.seen_loss,
            ),
            help="initialise with He (`kaiming_normal_`) or Glorot (`xavier_normal_`), or leave the default",
            label="these initial weights",
            confidence=0.88,
        )


def _gain(fit: Fit, parameter: Parameter) -> float:
    fan_in = parameter.shape[0] if not parameter.is_parameter else math.prod(parameter.shape[1:])
    return fit.initial(parameter)[0] * math.sqrt(fan_in)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """He's initialisation in the place of the one by hand, or another deviation."""
    if finding.where is not None:
        yield from by_he(signals, finding.where)
    yield from scaled(signals, finding.where, "std", "set the deviation of the initial weights to", (10.0, 100.0))
