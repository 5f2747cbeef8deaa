"""The gradient shrinks layer by layer until early layers do not move.

Why learning fails: backpropagation multiplies one slope and one weight matrix a layer,
`∂L/∂W₁ = ∂L/∂h_L · Π_l diag(φ′(z_l))·W_l · x`. A sigmoid's slope is at most 1/4, so ten layers leave at most a
millionth; small weights do the same. The last layers learn from features that never change (Bengio et al., 1994;
Glorot & Bengio, 2010).

Measured: |g|/|w|, which no scale of the weights can hide, of the first third of the weight matrices against the last,
on the first looked-at steps, when the loss hardly leaves chance; of a last one that is made small, |w| is taken as that
of PyTorch's initialisation. In an unrolled recurrence, the gradient that arrives at the earliest steps beside the
largest; of LSTM and GRU, what is kept of it from step to step at the start.

Healthy: above 2e-3 of the last; measured over 119 healthy trainings, 63 of the 65 with three linear maps or more,
recurrent and deep ones among them. Below 1e-3 no one rate serves both ends (derivation): a step of 1e-2 in the last
layer is 1e-5 in the first, and takes 100,000 steps to move it by its own size. A gate stands at one half as it is made,
so that an LSTM of 30 steps keeps 1e-8 and learns (derivation): told below a quarter a step, of gates that begin closed.

Fix: `nn.ReLU()` in place of sigmoid or tanh in hidden layers, He or Glorot initialisation, batch norm, skip
connections; LSTM or GRU for long sequences, and gates that begin open, with a bias of 1 or above.

Ignore it when the first layers are meant to stay as they are, random or trained before.
"""

import math
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import called
from headtorch.signals import Fit, Signals, place_of

FAMILY = "the gradient"
LEADS_TO = ("lr-too-low", "capacity-too-small")
SHRUNK = 1e-3  # first over last: no one rate serves both; 63 of 65 healthy trainings stay above 2e-3
AT_FIRST = 0.01  # before any step: ten times as much, for a single batch
FORGOTTEN = 1e-6  # of the gradient at the last step of a sequence: no sum over the steps brings it back
KEPT = 0.25  # of the gradient a step, through gates at the start: half of what one keeps as it is made
START = 10  # looked-at steps: what comes later tells of weights that have learned to forget
GATED = ("LSTM", "GRU", "LSTMCell", "GRUCell")
HELD_BACK = 0.3  # of the way from chance to 0: 114 of 118 healthy trainings come further
AT_CHANCE = 0.1  # of that way: 117 of 118 come further
STACKED = 3  # linear maps: of two, the first is never far from the loss
LONG = 8  # passes of a recurrence: slopes of 1/4 to the 8th leave 1e-5, fewer can't reach FORGOTTEN by slopes alone


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit at chance whose early layers get a far smaller gradient than the late ones."""
    for fit in signals.fits:
        if not fit.had_time or not fit.gain < HELD_BACK or fit.diverged_at is not None:
            continue
        if (seen := _through_time(fit)) is not None:
            yield seen
            continue
        relative = fit.relative_gradients
        if relative.size == 0 or relative.shape[1] < STACKED:
            continue
        # At the start: a last layer that has settled on a constant answer gets little gradient itself.
        typical = np.nanmedian(relative[:START], axis=0)
        last = typical[-1] * _of_usual_size(fit)
        ratio = float(np.min(typical[: max(1, len(typical) // 3)]) / max(last, 1e-30))
        if ratio > SHRUNK or typical[-1] <= 0:
            continue
        whole = relative[0] / max(float(relative[0, -1]), 1e-30)
        if float(np.min(whole[: max(1, len(whole) // 3)])) > AT_FIRST:
            continue  # the first steps have done that, and not what the network is made of
        squashers = [
            n
            for n in fit.objective.measured
            if fit.network.nodes[n].op in ("Sigmoid", "Tanh")
            and not fit.network.is_output(n)
            and fit.network.nodes[n].module not in GATED
        ]
        first = fit.network.nodes[squashers[0]] if squashers else fit.network.nodes[fit.network.linear_maps[0]]
        yield Finding(
            rule="vanishing-gradients",
            severity="error",
            message=f"the gradient of the first layer is {ratio:.1e} of the last layer's, beside their weights",
            where=place_of(first),
            saw=(
                Evidence("|g|/|w|, first over last layer", ratio, healthy="above 2e-3"),
                Evidence("|g|/|w| of the first layer", float(typical[0]), curve=tuple(float(v) for v in typical)),
                fit.seen_loss,
            ),
            help="use ReLU in the hidden layers with He initialisation; or batch norm, or skip connections",
            label="the gradient fades on its way down to here",
            confidence=0.74 if squashers else 0.7,
        )


def _of_usual_size(fit: Fit) -> float:
    """The size of the last weight matrix at the start beside that of PyTorch's initialisation, sqrt(units / 3), at most
    1: one that is made small on purpose grows in a few steps, and its |g|/|w| says nothing of the layers below."""
    weight = fit.network.nodes[fit.network.linear_maps[-1]].weight
    last = next((p for p in fit.parameters if p.id == weight and len(p.shape) >= 2), None)
    if last is None:
        return 1.0
    deviation, units = fit.initial(last)[0], min(last.shape[0], math.prod(last.shape[1:]))
    size = deviation * math.sqrt(math.prod(last.shape)) / math.sqrt(units / 3)
    return min(size, 1.0) if size > 0 else 1.0


def _through_time(fit: Fit) -> Finding | None:
    """The gradient that fades from step to step of a recurrence whose weights are passed many times."""
    gradients = fit.series("output_grad_norm")
    if fit.network.passes < LONG or not fit.gain < AT_CHANCE or not gradients:
        return None
    typical = np.nanmedian(gradients.values, axis=0)
    ratio = float(np.min(typical) / max(float(np.max(typical)), 1e-30))
    if ratio > FORGOTTEN:
        return None
    weight = next(
        n for n in fit.network.linear_maps if fit.network.uses[fit.network.nodes[n].weight] == fit.network.passes
    )
    gated = fit.network.nodes[weight].module in GATED
    if gated:
        # A loss that has nothing to remember closes gates: only as they begin are they the cause.
        first = np.nanmedian(gradients.values[:START], axis=0)
        kept = float(np.min(first) / max(float(np.max(first)), 1e-30)) ** (1 / (fit.network.passes - 1))
        if kept > KEPT:
            return None
    # A sigmoid has a slope of a quarter at best, whatever the weights: the first one behind them is to blame.
    squasher = next((n for n in fit.objective.measured if fit.network.nodes[n].op == "Sigmoid" and n > weight), None)
    at_fault = weight if gated or squasher is None or fit.network.is_output(squasher) else squasher
    return Finding(
        rule="vanishing-gradients",
        severity="error",
        message=f"through {fit.network.passes} steps of the recurrence the gradient fades to {ratio:.1e} of itself",
        where=place_of(fit.network.nodes[at_fault]),
        saw=(
            Evidence("gradient at the far end over the near end", ratio, healthy="above 1e-6"),
            Evidence("times the same weights are passed", float(fit.network.passes)),
            fit.seen_loss,
        ),
        help=(
            "start the gates that keep the state open, with a bias of 1 or above, "
            if gated
            else "use LSTM or GRU for long sequences, start the recurrent weights orthogonal, "
        )
        + "or read an average of the steps",
        label="the gradient fades through its steps",
        confidence=0.8,
    )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """ReLUs for the hidden sigmoids and tanhs."""
    edits = []
    for fit in signals.fits[-1:]:
        for number, node in enumerate(fit.network.nodes):
            where = place_of(node)
            if node.op not in ("Sigmoid", "Tanh") or fit.network.is_output(number) or where is None:
                continue
            call = signals.places.call_at(where)
            if call is not None and called(call) in ("Sigmoid", "Tanh"):
                edits.append(replace(where, "torch.nn.ReLU()"))
            elif call is not None and called(call) in ("sigmoid", "tanh") and call.args:
                edits.append(replace(where, "torch.relu({0})"))
    if edits:
        yield Change("use ReLU in the hidden layers", tuple(dict.fromkeys(edits)))
