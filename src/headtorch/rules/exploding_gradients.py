"""The gradient grows layer by layer or step by step.

Why learning fails: backpropagation through many layers, or through many steps of a recurrent layer, multiplies as
many matrices, `∂h_T/∂h_0 = Π_t Wᵀ·diag(φ′(z_t))`. Where each one stretches, the product grows without bound (Bengio
et al., 1994); a single step along such a gradient throws the weights away, at a learning rate that would do well
otherwise.

Measured: |g|/|w| of the layers on the first step, in networks of five linear maps or more and in recurrent ones; in
these also its largest value before the loss was NaN, beside the usual one. Weights that begin at zero are left out.
Told only when the loss shows the harm: NaN, twice its start where that is above 0, or still at chance. In whatever
network, where |g|/|w| and the first loss beside chance are a million, and the inputs of usual size.

Healthy: of the order of 1 or less at the start. Measured over 119 healthy trainings: 0.03 to 4 in 9 of 10, and below
10 in 116 of 118.

Fix: clip the norm before each step (Pascanu et al., 2013), `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`;
orthogonal recurrent weights, `nn.init.orthogonal_(rnn.weight_hh_l0)`; LSTM or GRU for long sequences; normalisation
in deep networks.

Ignore it when the first steps alone are large and a warm-up of the learning rate carries the training over them.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_before, replace
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.trees import called
from headtorch.remedies import lower_rate, source_of
from headtorch.signals import Fit, Signals

FAMILY = "the gradient"
LEADS_TO = ("vanishing-gradients", "lr-too-high", "numeric-overflow", "dead-relu", "saturated-activations")
HUGE = 10.0  # |g|/|w| at the start: 116 of 118 healthy trainings begin below
ENORMOUS = 1e6  # |g|/|w|, and times chance, for inputs of usual size: more than five layers of HUGE together
USUAL = 10.0  # the largest mean or deviation of inputs that are no fault themselves
DEEP = 5  # linear maps, or steps of a recurrence: a product of fewer matrices is no reason to explode
SPIKE = 100.0  # largest over usual: 95 % of healthy trainings stay below 77
RISEN = 2.0  # times the first loss: no healthy training ends above its start
AT_CHANCE = 0.1  # of the way from chance to 0: 117 of 118 healthy trainings come further

# Advice, and what is said of the line.
BRANCHES = (
    "normalise the input of each branch, `x + f(norm(x))`, so that their sum grows slowly",
    "adds branch upon branch",
)
UNCLIPPED = ("clip the norm of the gradient to 1.0 after this line, before the step", "clip the gradient after this")
CLIPPED = (
    "it is clipped already, so mend what stretches it: orthogonal recurrent weights, an LSTM or GRU, normalisation",
    "its gradient explodes",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose gradients are huge at the start or in spikes, and whose loss shows the harm."""
    for fit in signals.fits:
        relative = fit.relative_gradients
        harmed = (
            fit.diverged_at is not None
            or (
                not fit.is_in_a_game and 0 < RISEN * fit.first_loss < fit.last_loss
            )  # of a negative loss, twice is better
            or (fit.gain < AT_CHANCE and fit.chance is not None and fit.had_time)
        )
        if fit.steps < 2 or relative.size == 0 or not harmed:
            continue
        whole = np.fmax.reduce(np.where(np.isfinite(relative), relative, np.nan), axis=1)
        before = whole[: max(1, int(np.searchsorted(fit.series("grad_norm").steps, fit.diverged_at or 1)))]
        start, usual = float(whole[0]), float(np.nanmedian(whole))
        largest = float(np.fmax.reduce(before if fit.diverged_at is not None else whole))
        recurrent = fit.network.passes
        deep = recurrent >= DEEP or len(fit.network.linear_maps) >= DEEP
        enormous = float(np.max(relative[0])) > ENORMOUS and _blown_up_inside(fit)
        if enormous:
            start = float(np.max(relative[0]))  # infinite where float32 can't hold its square
        if not (enormous or (deep and start > HUGE) or (recurrent >= DEEP and largest > SPIKE * max(usual, 1e-12))):
            continue
        branch = None if recurrent >= DEEP else _sum_of_branches(fit)
        power = next((node.where for node in fit.network.nodes if node.op == "Exp"), None) if enormous else None
        advice, label = BRANCHES if branch else CLIPPED if fit.series("clip") else UNCLIPPED
        yield Finding(
            rule="exploding-gradients",
            severity="error",
            message=f"the gradient is {np.fmax(start, largest):.2g} times as large as the weights it is to change",
            where=power or branch or fit.objective.backward_at,
            saw=(
                Evidence("|g|/|w| at the first step", start, healthy="0.03 to 4"),
                Evidence("times the same weights are passed", float(recurrent)),
                fit.seen_loss,
            ),
            help="look for a sign in the exponent: what decays is `exp(-t)`" if power else advice,
            label="grows without bound" if power else label,
            confidence=0.88 if recurrent >= DEEP else 0.81,
        )


def _blown_up_inside(fit: Fit) -> bool:
    """Whether inputs are of usual size and the first loss is far from chance: what is between them makes the size."""
    entered = fit.series("input")
    usual = bool(entered) and bool(np.all(np.abs(entered.values[0, :2]) <= USUAL))
    return usual and fit.chance is not None and fit.chance < USUAL and fit.first_loss > ENORMOUS * fit.chance


def _sum_of_branches(fit: Fit) -> Where | None:
    """The first sum of a linear map's output and what went around it, in a network with skip connections."""
    maps = set(fit.network.linear_maps)
    sums = (node for node in fit.network.nodes if node.op == "Add" and len(node.inputs) == 2)
    return next((node.where for node in sums if len(maps & set(node.inputs)) == 1), None)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A limit for the norm of the gradient, else a lower rate."""
    fit, where = signals.longest, finding.where
    power = signals.places.call_at(where) if where is not None else None
    if where is not None and power is not None and called(power) == "exp":
        yield Change("let it decay", (replace(where, f"-{source_of(signals, where, power)}"),))
    for optimizer in fit.followed_by[-1:] if not fit.series("clip") else ():
        call = signals.places.call_at(optimizer.made_at[0]) if optimizer.made_at else None
        if call is not None and call.args and optimizer.stepped_at is not None:
            code = f"torch.nn.utils.clip_grad_norm_({source_of(signals, optimizer.made_at[0], call.args[0])}, 1.0)"
            yield Change("limit the norm of the gradient to 1", (insert_before(optimizer.stepped_at, code),))
    yield from lower_rate(signals)
