"""Log of 0, exp of a large number, half precision out of range, a division by 0.

Why learning fails: float16 ends at 65504 and knows nothing below 6e-8. An epsilon of 1e-8 is 0 in it, and Adam divides
by 0; log(0) is minus infinity in any format, and its gradient NaN. One NaN in a loss makes every weight NaN.

Measured: the first loss that is NaN while inputs, targets and weights were still finite numbers, and the number format
of the weights.

Fix: keep weights in float32 and use autocast; `eps=1e-4` for Adam in half; `log_softmax`, `logsumexp`, `log1p` or a
clamp in place of a bare log or exp.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, set_argument
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import calls_on_line
from headtorch.signals import Fit, Signals

FAMILY = "the gradient"
LEADS_TO = ("lr-too-high", "exploding-gradients", "dead-relu", "saturated-activations")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose loss becomes NaN out of finite numbers."""
    for fit in signals.fits:
        event = next((e for e in signals.run.events("nan") if e.value["objective"] == fit.objective.id), None)
        if event is None:
            continue
        half = [p for p in fit.parameters if p.dtype == "float16"]
        finite = not event.value.get("input") and not event.value.get("target")
        if half:
            yield Finding(
                rule="numeric-overflow",
                severity="error",
                message=f"{len(half)} weights are float16, and the loss is NaN at step {event.step}",
                where=_half_place(signals, fit),
                saw=(Evidence("weights in float16", float(len(half)), healthy="0"), fit.seen_loss),
                help="keep the weights in float32 and use autocast; or give Adam `eps=1e-4`",
                label="computes in half precision",
                confidence=0.91,
            )
        elif finite and event.value.get("weights") == 0 and not _ran_away(fit):
            yield Finding(
                rule="numeric-overflow",
                severity="error",
                message=f"the loss is {event.value['value']} at step {event.step}, "
                "out of finite inputs, targets and weights",
                where=signals.target_place(fit),
                saw=(Evidence("weights that are no numbers before it", 0.0), fit.seen_loss),
                help="replace a bare log, exp or division: `log_softmax`, `logsumexp`, a clamp, an epsilon",
                label="the first value that is no number",
                confidence=0.83,
            )


def _ran_away(fit: Fit) -> bool:
    """Whether the loss had grown a hundredfold before it became NaN: then the steps are to blame."""
    before = np.abs(fit.losses[np.isfinite(fit.losses)])
    return len(before) > 1 and bool(before.max() > 100 * before[0] or fit.early_update > 0.1)


def _half_place(signals: Signals, fit: Fit) -> Where | None:
    for optimizer in fit.followed_by:
        return optimizer.made_at[0] if optimizer.made_at else None
    return signals.set_attributes_place("half")


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Logarithms that are given no zero, and an epsilon that half precision can tell from 0."""
    backward = signals.longest.objective.backward_at
    nodes = [node.where for node in signals.longest.network.nodes if node.op == "Log" and node.where is not None]
    for where in dict.fromkeys([*nodes, finding.where, backward]):
        logs = list(calls_on_line(signals, where, "log")) if where is not None else []
        edits = tuple(
            replace(signals.places.where(place.file, value), "({}).clamp(min=1e-7)")
            for call, place in logs
            for value in call.args[:1]
        )
        if edits:
            yield Change("keep the logarithm from 0", edits)
    for optimizer in signals.longest.followed_by[-1:]:
        if optimizer.kind.startswith("Adam") and optimizer.made_at:
            yield Change("give Adam an epsilon that float16 has", (set_argument(optimizer.made_at[0], "eps", "1e-4"),))
