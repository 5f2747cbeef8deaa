"""Initial weights saturate or blow up activations, or start the loss far from chance.

Why learning fails: a layer of n inputs with weights of standard deviation s multiplies the spread of its input by about
s sqrt(n) (by s sqrt(n / 2) with ReLU). Above 1 it grows with every layer: the scores are huge and sure before anything
is learned, and the first gradients throw the weights about. He: s = sqrt(2 / n); Glorot: s = sqrt(2 / (n + m)).

Measured: s sqrt(n) of each weight matrix before training, how the spread of the activations grows with depth, and the
first loss beside that of a constant answer.

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
    "exploding-gradients",
    "lr-too-high",
    "saturated-activations",
    "vanishing-gradients",
    "dead-relu",
    "numeric-overflow",
    "overfitting",
    "lr-too-low",
    "clip-too-small",
    "constant-predictions",
)
LARGE = 3.0  # s sqrt(n): He's is 1.41, orthogonal 1, PyTorch's default 0.58
FAR = 3.0  # first loss over that of a constant answer


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that starts with large weights, far from chance or saturated, and does not learn well."""
    for fit in signals.fits:
        if fit.trained_before.any() or not fit.gain < 0.5:
            continue
        large = [(p, g) for p in _matrices(fit) if (g := _gain(fit, p)) > LARGE]
        if not large:
            continue
        far = fit.chance is not None and fit.first_loss > FAR * fit.chance
        growth = _growth(fit)
        saturated = max(
            (float(s.column()[0]) for n, s in fit.measured("saturated_share") if not fit.network.is_output(n)),
            default=0.0,
        )
        if not (far or growth > 10 or saturated > 0.5):
            continue
        parameter, gain = max(large, key=lambda pair: pair[1])
        node = next(
            fit.network.nodes[n] for n in fit.network.linear_maps if fit.network.nodes[n].weight == parameter.id
        )
        yield Finding(
            rule="init-too-large",
            severity="error",
            message=f"the initial weights of `{parameter.name}` multiply the spread of their input by {gain:.2g}",
            where=signals.init_place(False) or place_of(node),
            saw=(
                Evidence("std x sqrt(fan-in)", gain, healthy="0.5 to 2"),
                *(
                    (Evidence("growth of the activations with depth", growth, healthy="0.1 to 10"),)
                    if growth > 1
                    else ()
                ),
                *(
                    (Evidence("saturated at the start", f"{saturated:.0%}", healthy="near 0 %"),)
                    if saturated > 0.2
                    else ()
                ),
                Evidence(
                    "first loss",
                    fit.first_loss,
                    healthy=f"about {fit.chance:.3g}" if fit.chance else None,
                    curve=fit.curve(),
                ),
            ),
            help="initialise with He (`kaiming_normal_`) or Glorot (`xavier_normal_`), or leave the default",
            label="these initial weights",
            confidence=0.9,
        )


def _matrices(fit: Fit) -> list[Parameter]:
    used = {fit.network.nodes[number].weight for number in fit.network.linear_maps}
    return [p for p in fit.parameters if p.id in used and len(p.shape) >= 2]


def _gain(fit: Fit, parameter: Parameter) -> float:
    # A weight that a user holds himself may be (inputs, outputs); a layer's is (outputs, inputs, ...).
    fan_in = parameter.shape[0] if not parameter.is_parameter else math.prod(parameter.shape[1:])
    return fit.initial(parameter)[0] * math.sqrt(fan_in)


def _growth(fit: Fit) -> float:
    series = fit.series("activation_std")
    if not series or series.values.shape[1] < 2:
        return math.nan
    first = series.values[0][[not fit.network.is_output(n) for n in fit.objective.measured]]
    return float(first[-1] / first[0]) if len(first) > 1 and first[0] > 0 and np.isfinite(first).all() else math.nan
