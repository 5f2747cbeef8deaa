"""Initial weights let the signal die out on its way.

Why learning fails: a layer of n inputs with weights of standard deviation s multiplies the spread of its input by about
s sqrt(n). Well below 1 the signal fades with every layer, the outputs are the same for every input, and the gradient
fades on its way back by the same factors.

Measured: s sqrt(n) of each weight matrix before training, and how much the last hidden layer's outputs differ from
example to example at the start.

Fix: initialise with variance 2 / fan-in (He) before ReLU, 1 / fan-in otherwise, or leave PyTorch's defaults.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
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
    "constant-predictions",
)
SMALL = 0.25  # s sqrt(n): PyTorch's default is 0.58, He's 1.41


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that starts with small weights in most layers and does not get going."""
    for fit in signals.fits:
        if fit.trained_before.any() or not fit.gain < 0.3 or fit.steps < 10:
            continue
        used = {fit.network.nodes[number].weight for number in fit.network.linear_maps}
        gains = {p.id: _gain(fit, p) for p in fit.parameters if p.id in used and len(p.shape) >= 2}
        small = {number: gain for number, gain in gains.items() if 0 < gain < SMALL}
        if len(small) < 2 or len(small) < 0.5 * len(gains):
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
