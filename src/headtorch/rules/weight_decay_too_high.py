"""The penalty pulls the weights down more than the data pulls them up.

Why learning fails: weight decay adds lambda w to the gradient of each weight. The weights settle where the pull of the
data and lambda |w| are equal; with a large lambda that is near 0, where the network says little.

Measured: lambda |w| beside the norm of the gradient, or the share of the loss that is a penalty on the weights.

Fix: a decay of 1e-4 to 1e-2 (AdamW), 1e-5 to 5e-4 (SGD, Adam).
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
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
    "constant-predictions",
)
PULL = 0.5  # lambda |w| over |g|
MOST = 0.3  # of the loss
NORMS = ("Pow", "Abs", "LinalgVectorNorm", "Norm", "Mul")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose decay is as strong as its gradients."""
    for fit in signals.fits:
        if (penalty := _penalty(signals, fit)) is not None:
            yield penalty
            continue
        decays = [
            float(g["weight_decay"] or 0)
            for o in fit.followed_by
            for g in o.groups
            if isinstance(g.get("weight_decay"), (int, float))
        ]
        relative = fit.relative_gradients
        if not decays or max(decays) <= 0 or relative.size == 0 or fit.gain > 0.7 or fit.steps < 20:
            continue
        decay = max(decays)
        decoupled = any(o.kind == "AdamW" for o in fit.followed_by)
        late = relative[len(relative) // 2 :]
        # AdamW's step is about lr whatever the gradient, and its decay lr lambda w: they balance at |w| = 1 / lambda.
        pull = _decoupled_pull(fit, decay) if decoupled else decay / max(float(np.nanmedian(late)), 1e-30)
        if not pull > PULL or not _shrank(fit):
            continue
        yield Finding(
            rule="weight-decay-too-high",
            severity="error",
            message=f"weight decay of {decay:g} pulls {pull:.2g} times as hard as the gradient",
            where=signals.places.argument(fit.followed_by[-1].made_at, "weight_decay"),
            saw=(
                Evidence("decay |w| over |g|", pull, healthy="below 0.1"),
                Evidence("weight decay", decay, healthy="1e-5 to 1e-2"),
                fit.seen_loss,
            ),
            help=f"lower the weight decay to {decay / 100:.1g} or less",
            label="this decay",
            confidence=0.88,
        )


def _decoupled_pull(fit: Fit, decay: float) -> float:
    rates = [float(np.nanmax(series.values)) for series in fit.rates.values() if series]
    usual = fit.usual_update
    return max(rates, default=0.0) * decay / max(usual, 1e-30)


def _shrank(fit: Fit) -> bool:
    norms = fit.series("weight_norm")
    mask = fit.weights & fit.reached
    if not norms or not mask.any() or norms.values.shape[1] != len(mask):
        return False
    return bool(np.median(norms.values[-1, mask] / np.maximum(norms.values[0, mask], 1e-30)) < 0.8)


def _penalty(signals: Signals, fit: Fit) -> Finding | None:
    """A penalty on the weights that is written into the loss, and makes up much of it at the end."""
    norms = [n for n, node in enumerate(fit.network.nodes) if node.op in NORMS and not node.inputs and not node.outside]
    if not norms or fit.loss is None or fit.loss.name != "mse" or fit.chance is None or not fit.fits_measure < 0.95:
        return None
    data = (1 - fit.fits_measure) * fit.chance
    share = 1 - data / fit.last_loss if fit.last_loss > 0 else 0.0
    if share < MOST:
        return None
    factors = [node for node in fit.network.nodes[norms[0] :] if node.op == "Mul" and node.outside and node.where]
    where = factors[-1].where if factors else fit.network.nodes[norms[0]].where
    return Finding(
        rule="weight-decay-too-high",
        severity="error",
        message=f"{share:.0%} of the loss is a penalty on the weights, and R^2 rests at {fit.fits_measure:.2g}",
        where=(signals.places.factor_at(where) if where else None) or where,
        saw=(Evidence("penalty's share of the loss", f"{share:.0%}", healthy="below 10 %"), fit.seen_loss),
        help="lower the factor of the penalty a hundredfold",
        label="this factor",
        confidence=0.88,
    )
