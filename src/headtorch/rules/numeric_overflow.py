"""Log of 0, exp of a large number, half precision out of range, a division by 0.

Why learning fails: float16 ends at 65504 and knows nothing below 6e-8: an epsilon of 1e-8 is 0 in it, and Adam's
`m / (√v + ε)` divides by 0. In any format `log(0) = −∞`, `0 · ∞ = NaN`, and exp overflows, in float32 above 88. One
NaN in a loss makes every gradient NaN, and one step every weight.

Measured: the first loss that is NaN or infinite while inputs, targets and weights were still finite numbers, and the
number format of the weights; or a gradient that was NaN while the loss was finite, behind a root or a logarithm,
whose slope `1 / (2√x)` or `1 / x` has no bound at 0, behind a division whose result is chosen from by `where`, or
behind a softmax whose scores are masked: of a row that is −∞ as a whole it is NaN. A loss that grew a hundredfold
before, or steps of more than a tenth of the weights where it had not fallen by half, are put down to the steps.

Healthy: no such loss, and weights in float32 (derivation, from the formats; Micikevicius et al., 2018).

Fix: keep weights in float32 and use `torch.autocast("cuda")`; `Adam(..., eps=1e-4)` in half; `F.log_softmax`,
`torch.logsumexp`, `torch.log1p` or `x.clamp_min(1e-8)` in place of a bare log or exp.

Ignore it when single steps with such a loss are skipped on purpose, as a gradient scaler does.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace, set_argument
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import calls_on_line
from headtorch.signals import Fit, Signals, factor_of
from headtorch.store.records import Node

FAMILY = "the gradient"
LEADS_TO = ("lr-too-high", "exploding-gradients", "dead-relu", "saturated-activations")
STEEP = ("Sqrt", "LinalgVectorNorm", "Norm", "Cdist", "Log", "Acos", "Asin", "Rsqrt", "Reciprocal")
FALLEN = 0.5  # of the first loss: steps that overshoot raise it
RAN_AWAY = 100.0  # times the first loss: steps that overshoot grow geometrically, a log(0) comes at once
LARGE_STEP = 0.1  # |dw|/|w|: a hundred times the usual 1e-3; 104 of 118 healthy trainings stay below from the start


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
                where=signals.target_place(fit) if (masked := _masked(fit)) is None else masked.where,
                saw=(Evidence("weights that are no numbers before it", 0.0), fit.seen_loss),
                help="replace a bare log, exp or division: `log_softmax`, `logsumexp`, a clamp, an epsilon",
                label="the first value that is no number",
                confidence=0.83,
            )
        elif finite and (node := _steep(fit, event.step)) is not None:
            yield Finding(
                rule="numeric-overflow",
                severity="error",
                message=f"the gradient is {node.op.lower()}'s at a point without a slope: NaN before the loss is",
                where=node.where,
                saw=(Evidence("gradient before the first NaN in the loss", "NaN", healthy="finite"), fit.seen_loss),
                help="add a small number before the root, the logarithm or the division: `(x + 1e-8).sqrt()`",
                label="has no slope at 0",
                confidence=0.9,
            )
        elif finite and _gradient_was_nan(fit, event.step) and (masked := _masked(fit)) is not None:
            yield Finding(
                rule="numeric-overflow",
                severity="error",
                message="the gradient is NaN before the loss is: a softmax gets rows that are masked as a whole",
                where=masked.where,
                saw=(Evidence("gradient before the first NaN in the loss", "NaN", healthy="finite"), fit.seen_loss),
                help="mask with a large number in place of minus infinity, -1e9; or leave out rows of padding",
                label="fills with minus infinity",
                confidence=0.9,
            )
        elif finite and _gradient_was_nan(fit, event.step) and (divided := _passed_over(fit)) is not None:
            yield Finding(
                rule="numeric-overflow",
                severity="error",
                message="the gradient is NaN before the loss is: what is chosen away has divided by 0, and 0 times "
                "infinity is NaN",
                where=divided.where,
                saw=(Evidence("gradient before the first NaN in the loss", "NaN", healthy="finite"), fit.seen_loss),
                help="give the division no 0, also where its result is not used: `total / count.clamp_min(1)`",
                label="divides by 0 before `where` chooses",
                confidence=0.9,
            )


def _steep(fit: Fit, step: int) -> Node | None:
    """The operation whose slope has no bound, where the gradient was no number though the loss still was."""
    if not _gradient_was_nan(fit, step):
        return None
    return next((node for node in reversed(fit.network.nodes) if node.op in STEEP and node.where is not None), None)


def _gradient_was_nan(fit: Fit, step: int) -> bool:
    """Whether the last gradient looked at before a step was no number."""
    gradients = fit.series("grad_norm")
    before = gradients.values[gradients.steps < step]
    return len(before) > 0 and not np.isfinite(before[-1]).all()


def _passed_over(fit: Fit) -> Node | None:
    """A division whose result is chosen from, as by `torch.where`, so that the loss need not show what it gave."""
    nodes = fit.network.nodes
    chosen = (nodes[number] for node in nodes if node.op in ("Where", "MaskedFill") for number in node.inputs)
    return next((node for node in chosen if node.op == "Div" and factor_of(node) is None), None)


def _masked(fit: Fit) -> Node | None:
    """What fills parts of the scores that a softmax gets, as a mask of attention does, where nothing steep stands."""
    nodes = fit.network.nodes
    if any(node.op in STEEP for node in nodes):
        return None
    for node in nodes:
        if node.op in ("Softmax", "SafeSoftmax") and len(node.inputs) == 1 and nodes[node.inputs[0]].op == "MaskedFill":
            return nodes[node.inputs[0]]
    return None


def _ran_away(fit: Fit) -> bool:
    """Whether the loss had grown a hundredfold before it became NaN: then the steps are to blame."""
    before = np.abs(fit.losses[np.isfinite(fit.losses)])
    if not len(before):
        return False
    fallen = float(np.median(before[-10:])) < FALLEN * before[0]
    return bool(before.max() > RAN_AWAY * before[0] or (fit.early_update > LARGE_STEP and not fallen))


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
