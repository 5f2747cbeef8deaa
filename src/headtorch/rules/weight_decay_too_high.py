"""The penalty pulls the weights down more than the data pulls them up.

Why learning fails: weight decay adds λw to the gradient of each weight, `w ← w − lr·(g + λw)`. The weights settle
where the two pulls are equal, `|g| = λ|w|`; with a large λ that is near 0, where the network says little. AdamW's
step is about lr whatever the gradient, and balances at |w| = 1 / λ.

Measured: λ|w| beside the norm of the gradient (for AdamW lr·λ|w| beside the usual step), when the weights have
shrunk; or the share of the loss that is a penalty on the weights, or that they shrink under one and nothing is
learned. Where a loop over the parameters writes into them, as a proximal step does, whether it takes them all to 1 % of
their size.

Healthy: λ|w| / |g| below 0.1 (derivation: at 1 decay alone balances the data); measured over the three of 119 healthy
trainings that have a decay, at most 0.05. No healthy training at all lost more than 2 % of its weights' size; told
from a loss of 20 %.

Fix: a decay of 1e-4 to 1e-2 for AdamW (Loshchilov & Hutter, 2019), 1e-5 to 5e-4 for SGD:
`SGD(model.parameters(), lr=0.1, weight_decay=1e-4)`.

Ignore it when a network of small weights is what is wanted, to be pruned or to be Lipschitz, and the loss may pay for
it.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import scaled
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "vanishing-gradients",
    "lr-too-low",
    "capacity-too-small",
    "dead-relu",
    "init-too-small",
    "saturated-activations",
)
PULL = 0.5  # lambda |w| over |g|: at 1 the decay alone balances the data; 0.05 the most in healthy trainings
MOST = 0.3  # of the loss: a third of each step goes into the penalty
SHRUNK = 0.8  # of the first norm: no healthy training of 118 ends below 0.98
LEARNED = 0.7  # of the way from chance to 0: 102 of 118 healthy trainings come further
STRONG = 0.1  # ten times the largest decay that is usual for SGD: then 0.9 of the way is not far enough
NEARLY = 0.9  # of the way, and still held back by a strong decay
HELD = 0.3  # of the way: 114 of 118 come further; a penalty that has shrunk the weights is to blame
FITS = 0.95  # R^2: what fits so well is not held back
LOST = 0.01  # of the first norm, of every weight matrix: what is left says nothing any more
FEW = 20  # steps: fewer have no balance yet
# PyTorch's optimizers that know a weight decay: of them it is known what they do with it.
KNOWN = (
    "SGD", "ASGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Adafactor", "Muon",
)  # fmt: skip
NORMS = ("Pow", "Abs", "LinalgVectorNorm", "Norm", "Mul")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose decay is as strong as its gradients."""
    for fit in signals.fits:
        if (penalty := _penalty(signals, fit)) is not None:
            yield penalty
            continue
        if (shrunk := _shrunk_between_steps(signals, fit)) is not None:
            yield shrunk
            continue
        decays = [
            float(g["weight_decay"] or 0)
            for o in fit.followed_by
            for g in o.groups
            if isinstance(g.get("weight_decay"), (int, float))
        ]
        relative = fit.relative_gradients
        if not decays or max(decays) <= 0 or relative.size == 0 or fit.steps < FEW:
            continue
        decay = max(decays)
        if fit.gain > (NEARLY if decay >= STRONG else LEARNED):
            continue
        decoupled = any(o.kind == "AdamW" for o in fit.followed_by)
        late = relative[len(relative) // 2 :]
        # AdamW's step is about lr whatever the gradient, and its decay lr lambda w: they balance at |w| = 1 / lambda.
        pull = _decoupled_pull(fit, decay) if decoupled else decay / max(float(np.nanmedian(late)), 1e-30)
        # What the decay does in an optimizer of the user's own, only its effect tells.
        its_own = not fit.held_by_any(KNOWN)
        if not _shrank(fit) or not (fit.gain < HELD if its_own else pull > PULL):
            continue
        left = _left(fit)
        yield Finding(
            rule="weight-decay-too-high",
            severity="error",
            message=f"under a weight decay of {decay:g} the weights shrink to {left:.0%} of their size, and nothing is "
            "learned"
            if its_own
            else f"weight decay of {decay:g} pulls {pull:.2g} times as hard as the gradient",
            where=signals.places.argument(fit.followed_by[-1].made_at, "weight_decay"),
            saw=(
                Evidence("size of the weights at the end", f"{left:.0%}", healthy="98 % or more")
                if its_own
                else Evidence("decay |w| over |g|", pull, healthy="below 0.1"),
                Evidence("weight decay", decay, healthy="1e-5 to 1e-2"),
                fit.seen_loss,
            ),
            help=f"lower the weight decay to {decay / 100:.1g} or less",
            label="this decay",
            confidence=0.88,
        )


def _shrunk_between_steps(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where the script itself takes the weights down to nothing, as by a proximal step, with no decay and no
    penalty to do so."""
    place = next((found for file in signals.run.sources for found in signals.places.changed_weights(file)), None)
    norms, mask = fit.series("weight_norm"), fit.weights & fit.reached
    if place is None or not norms or not mask.any() or norms.values.shape[1] != len(mask) or fit.steps < FEW:
        return None
    left = norms.values[-1, mask] / np.maximum(norms.values[0, mask], 1e-30)
    if not (left < LOST).all() or not fit.gain < HELD:
        return None
    return Finding(
        rule="weight-decay-too-high",
        severity="error",
        message=f"the weights shrink to {left.max():.0%} of their size between the steps, and nothing is learned",
        where=place,
        saw=(Evidence("size of the weights at the end", f"{left.max():.0%}", healthy="98 % or more"), fit.seen_loss),
        help="shrink by a hundredth of it: what a step takes away is to be the rate times the factor of the penalty",
        label="shrinks the weights",
        confidence=0.9,
    )


def _decoupled_pull(fit: Fit, decay: float) -> float:
    rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
    usual = fit.usual_update
    return max(rates, default=0.0) * decay / max(usual, 1e-30)


def _shrank(fit: Fit) -> bool:
    return _left(fit) < SHRUNK


def _left(fit: Fit) -> float:
    """What is left of the norms of the weights at the end, the median over them; NaN where they were not seen."""
    norms = fit.series("weight_norm")
    mask = fit.weights & fit.reached
    if not norms or not mask.any() or norms.values.shape[1] != len(mask):
        return float("nan")
    return float(np.median(norms.values[-1, mask] / np.maximum(norms.values[0, mask], 1e-30)))


def _penalty(signals: Signals, fit: Fit) -> Finding | None:
    """A penalty on the weights that is written into the loss, and makes up much of it at the end."""
    norms = [n for n, node in enumerate(fit.network.nodes) if node.op in NORMS and not node.inputs and not node.outside]
    if not norms or fit.loss is None or fit.chance is None:
        return None
    if fit.loss.name == "mse" and fit.fits_measure < FITS:
        data = (1 - fit.fits_measure) * fit.chance
        share = 1 - data / fit.last_loss if fit.last_loss > 0 else 0.0
        if share < MOST:
            return None
        message = f"{share:.0%} of the loss is a penalty on the weights, and R^2 rests at {fit.fits_measure:.2g}"
        saw = Evidence("penalty's share of the loss", f"{share:.0%}", healthy="below 10 %")
    elif fit.gain < HELD and fit.steps >= FEW and _shrank(fit):
        left = _left(fit)
        message = f"under a penalty in the loss the weights shrink to {left:.0%} of their size, and nothing is learned"
        saw = Evidence("size of the weights at the end", f"{left:.0%}", healthy="98 % or more")
    else:
        return None
    factors = [node for node in fit.network.nodes[norms[0] :] if node.op == "Mul" and node.outside and node.where]
    where = factors[-1].where if factors else fit.network.nodes[norms[0]].where
    return Finding(
        rule="weight-decay-too-high",
        severity="error",
        message=message,
        where=(signals.places.factor_at(where) if where else None) or where,
        saw=(saw, fit.seen_loss),
        help="lower the factor of the penalty a hundredfold",
        label="this factor",
        confidence=0.88,
    )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A hundredth of it, and a hundredth of that."""
    lower = scaled(signals, finding.where, "weight_decay", "lower the weight decay to", (1e-2, 1e-4))
    for change in lower:  # where the decay is a penalty, the loss is another one without it
        yield msgspec.structs.replace(change, alters_loss=True)
