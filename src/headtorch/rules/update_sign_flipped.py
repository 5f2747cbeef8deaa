"""The step climbs: a sign is wrong in the loss or the update.

Why learning fails: the gradient points uphill. Adding it instead of subtracting it, `w ← w + lr·g`, raises the loss
with every step, by `ΔL ≈ +lr·|g|²`. A distance or a cross entropy has its best value at 0 and no worst one: with a
minus before it, the way down leads away from the data for ever. Where a distance stands as a score, in place of minus
it (Snell et al., 2017), the farthest class has the highest probability, and the way down leads away from the right
one.

Measured: the cosine between each update and the direction downhill, −g, the median over the parameters and the first
50 looked-at steps; where the loss ends worse than it began and than chance, the first three, and all, if no other
optimizer moves what the loss reaches. In the graph, the sign of a loss that is never below 0, and that of distances
between outputs of the network that are given to a softmax. Of a loss that is written out, whether it falls below 0,
by twenty times its first size, and in the second half of the training faster than in the first. Of a generator and its
critic, the sum of both losses at the end. Where a Function with a backward pass of its own is in the graph, whether
small steps down the gradient raise the loss.

Healthy: above 0. Plain descent has 1; momentum and adaptive rates turn the step but stay above 0 on the whole; a step
that climbs has −1 (derivation). A generator and its critic, who want the opposite of what is made, have 2 ln 2 together
or more (Goodfellow et al., 2014, theorem 1). Measured over 119 healthy trainings: 0.25 to 1 in 9 of 10, −0.09 the
lowest. Told below −0.3; after a loss that rose, below −0.3 in the first three and not above 0 in all: what overshoots
begins by going down (derivation). A loss that has a lower bound slows down on its way to it (derivation).

Fix: subtract, `w -= lr * w.grad`; leave out the minus before the loss; `maximize=False`.

Ignore it when the climb is meant, as for the inner player of an adversarial loss or a dual variable; a minus is not
told where another network is trained beside this one, nor `maximize=True` for a score of one's own that begins below 0
or levels off.
"""

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from headtorch.changes import replace, set_operator, set_value, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.backward import gradients_of
from headtorch.places.trees import called
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, span
from headtorch.signals.forms import added_up, gets_distances, is_mean_cosine
from headtorch.store.records import DISTANCES, YES_OR_NO, Node

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "numeric-overflow",
    "dead-relu",
    "saturated-activations",
    "no-zero-grad",
    "constant-predictions",
)
UPHILL = -0.3  # half way between -1, plain climbing, and what momentum and Adam show when they descend, 0.25 or more
NEVER_NEGATIVE = ("cross_entropy", *YES_OR_NO, *DISTANCES)
LONG = 20  # steps, to tell a loss that speeds up from a noisy one
FAR = 20.0  # times the first loss, or 1: a density can be 20 only where it is narrower than 2e-9
ENDLESS = 1e6  # times the same, at whatever speed: no density is as narrow
ENOUGH = 3  # looked-at steps: momentum may point uphill for one
SLOWER = 2.0  # times, in the second half of the training: what has no largest value is climbed ever faster
LN_2 = float(np.log(2))  # nats, what one fair coin costs
LABEL = 0.1  # by how much a label may be softened at random and still be one label
SMALL_STEP = 0.05  # |dw|/|w|: a third of the most that nine in ten healthy trainings begin with
WORSE = -0.1  # of the way from chance to 0: beside it, no healthy training of 118 ends above its start


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose updates point up the gradient."""
    for fit in signals.fits:
        yield from _falls_for_ever(signals, fit)
        yield from _far_is_likely(fit)
        yield from _parts_from_what_is_wanted(fit)
        yield from _lowers_its_value(signals, fit)
        yield from _agrees_with_its_critic(signals, fit)
        yield from _rises_on_the_way_down(signals, fit)
        descent = fit.series("descent")
        mask = fit.reached & fit.moved
        if not descent or not mask.any() or descent.values.shape[1] != len(mask) or len(descent.steps) < ENOUGH:
            continue
        rows = np.nanmedian(descent.values[:, mask], axis=1)
        typical = float(np.nanmedian(rows[:50]))
        if _is_a_score(fit):
            continue
        if typical < UPHILL:
            message, looked, confidence = "the updates point up the gradient", descent.steps[:50], 0.96
        elif _climbs_from_the_start(fit, rows):
            message, looked, confidence = "the updates begin by climbing", descent.steps[:ENOUGH], 0.85
            typical = float(np.median(rows[:ENOUGH]))
        else:
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message=f"{message}: the cosine with the way down is {typical:.2f}",
            where=_place(signals, fit),
            saw=(
                Evidence("cosine of the update and -gradient", typical, healthy="above 0", steps=span(looked)),
                fit.seen_loss,
            ),
            help="subtract the gradient instead of adding it",
            label="climbs",
            confidence=confidence,
        )


def _rises_on_the_way_down(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where small steps against the gradient raise the loss from the first on, and a Function of the user's
    own is on the way: the gradient that it gives is not that of what it computes."""
    own = [node for node in fit.network.nodes if node.detail.get("own")]
    descent, mask = fit.series("descent"), fit.reached & fit.moved
    if not own or not descent or not mask.any() or descent.values.shape[1] != len(mask) or fit.steps < LONG:
        return
    start = fit.losses[: max(len(fit.losses) // 10, LONG)]
    first, middle, end = (float(np.median(part)) for part in np.array_split(start, 3))
    rises = first < middle < end and fit.gain < WORSE and fit.last_loss > fit.first_loss
    downhill = float(np.nanmedian(np.nanmedian(descent.values[: len(start), mask], axis=1)))
    if not (rises and downhill > -UPHILL and fit.early_update < SMALL_STEP):
        return
    yield Finding(
        rule="update-sign-flipped",
        severity="error",
        message=f"small steps down the gradient raise the loss: what `{own[-1].op}` gives as its gradient points up",
        where=signals.first_slip(gradients_of, own[-1].op) or own[-1].where or fit.objective.backward_at,
        saw=(
            Evidence("cosine of the update and -gradient", downhill, healthy="above 0, and a loss that falls"),
            Evidence("|Δw|/|w|", fit.early_update, steps="0-19"),
            fit.seen_loss,
        ),
        help="turn the sign of what `backward` returns; `torch.autograd.gradcheck` compares it with what is computed",
        label="is not the gradient of what `forward` computes",
        confidence=0.9,
    )


def _is_a_score(fit: Fit) -> bool:
    """Whether an optimizer is told to climb, and what it climbs is no known loss, and began below 0, as the logarithm
    of a likelihood does, or rises ever more slowly, as to a largest value."""
    own = fit.is_to_climb and all(term.name == "unknown" for term in fit.objective.losses)
    if not own or fit.first_loss < 0 or len(fit.losses) < LONG:
        return own and fit.first_loss < 0
    start, middle, end = (float(np.median(part)) for part in np.array_split(fit.losses, 9)[::4])
    return fit.diverged_at is None and SLOWER * (end - middle) < middle - start


def _climbs_from_the_start(fit: Fit, rows: np.ndarray) -> bool:
    """Whether updates begin by climbing and never come to descend, and the loss shows it: later ones may point
    anywhere, when a part of each descends and where the weights got to is steep.

    Not where the loss reaches what other optimizers move: a generator's loss reaches its critic, which is to climb it.
    """
    own = bool(np.all(fit.optimized[fit.reached & fit.moved]))
    worse = fit.gain < WORSE and fit.last_loss > fit.first_loss
    return own and worse and bool(np.all(rows[:ENOUGH] < UPHILL)) and float(np.nanmedian(rows)) <= 0


def _falls_for_ever(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where the way down leads away from the data: a minus before a loss, or a loss without a lower bound."""
    mine = set(fit.objective.reached)
    if any(mine.isdisjoint(other.objective.reached) for other in signals.fits) or not fit.steps:
        return
    minus = _minus(fit)
    if minus is None and not _speeds_up(fit):
        return
    loss = fit.loss.name if minus is not None and fit.loss is not None else ""
    yield Finding(
        rule="update-sign-flipped",
        severity="error",
        message=f"what is minimised is minus a loss, {loss}: it falls for ever, away from the data"
        if loss
        else f"the loss falls below 0 without end, to {fit.last_loss:.3g}",
        where=(minus if minus is not None else fit.network.nodes[-1]).where or fit.objective.backward_at,
        saw=(fit.seen_loss, Evidence("the best value of the loss", "0" if loss else "none", healthy="at the data")),
        help="leave out the minus"
        if loss
        else "turn the sign of the loss: minimise minus the logarithm of a likelihood",
        label="has the wrong sign",
        confidence=0.97 if loss else 0.85,
    )


def _far_is_likely(fit: Fit) -> Iterator[Finding]:
    """A finding where a softmax over distances makes the farthest the most likely, as in a prototypical network (Snell
    et al., 2017, equation 2) without its minus."""
    nodes = fit.network.nodes
    for number, softmax in enumerate(nodes):
        if softmax.op not in ("Softmax", "LogSoftmax") or not (softmax.inputs and gets_distances(nodes, number)):
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message="distances stand as scores: the softmax gives the farthest the highest probability",
            where=softmax.where,
            saw=(Evidence("sign of the distances", "+", healthy="-"), fit.seen_loss),
            help="put a minus before the distances: the nearest is to be the most likely",
            label="makes what is far likely",
            confidence=0.9,
        )
        return


def _parts_from_what_is_wanted(fit: Fit) -> Iterator[Finding]:
    """A finding where the cosine between predictions and their targets is minimised."""
    nodes = fit.network.nodes
    for number, sign in added_up(nodes):
        if len(fit.objective.losses) > 1 or sign < 0 or nodes[number].op != "Mean" or not is_mean_cosine(nodes, number):
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message="what is minimised is a cosine: the predictions turn away from their targets",
            where=nodes[number].where or fit.objective.backward_at,
            saw=(fit.seen_loss, Evidence("the best value of the loss", "-1", healthy="-1 for minus the cosine")),
            help="minimise 1 minus the cosine",
            label="has the wrong sign",
            confidence=0.93,
        )


def _lowers_its_value(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where an actor lowers the value that its critic, trained on returns, gives to its actions."""
    own = {number for optimizer in fit.followed_by for number in optimizer.parameters}
    critics = {
        number
        for other in signals.fits
        if other is not fit and other.loss is not None and other.loss.name in DISTANCES
        for optimizer in other.followed_by
        for number in optimizer.parameters
        if number in other.objective.reached
    }
    nodes = fit.network.nodes
    for number, sign in added_up(nodes):
        node = nodes[number]
        value = nodes[node.inputs[0]] if node.op == "Mean" and len(node.inputs) == 1 else None
        if value is None or sign < 0 or value.weight is None or value.weight not in critics - own:
            continue
        if own.isdisjoint(nodes[each].weight for each in fit.network.before(number)):
            continue
        yield Finding(
            rule="update-sign-flipped",
            severity="error",
            message="the actor minimises the value that the critic gives to its actions",
            where=node.where or fit.objective.backward_at,
            saw=(Evidence("sign of the value in the loss", "+", healthy="-"), fit.seen_loss),
            help="put a minus before the value, unless the critic learns costs",
            label="has the wrong sign",
            confidence=0.8,
        )
        return


def _agrees_with_its_critic(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding where a generator and its critic both reach what they want: they want the same.

    Of the probability p that the critic gives to what is made, the one has -ln p and the other -ln(1 - p), together
    2 ln 2 or more; of squares p^2 and (1 - p)^2, 1/2 or more. The critic's loss on real examples comes to that.
    """
    loss = fit.loss
    if loss is None:
        return
    bound = 0.5 if loss.name == "mse" else 2 * LN_2 if loss.name in YES_OR_NO else 0.0
    if not bound or not fit.is_in_a_game or len(fit.terms) != 1:
        return
    own = {number for optimizer in fit.followed_by for number in optimizer.parameters}
    critics = [
        other
        for other in signals.fits
        if other is not fit
        and set(other.objective.reached) & set(fit.objective.reached) - own
        and all(term.loss.name == loss.name for term in other.terms)
    ]
    aims = [term.targets.values for each in critics for term in each.terms]
    asked = {tuple(np.unique(np.round(targets[:, :2], 1))) for targets in aims if len(targets)}
    together = sum(each.last_loss / _factor(each) for each in (fit, *critics))
    if len(asked) < 2 or not all(_is_constant(targets) for targets in aims) or not together < bound / 2:
        return
    yield Finding(
        rule="update-sign-flipped",
        severity="error",
        message="the generator and its critic both reach what they want: what is made is to be called fake by both",
        where=fit.network.nodes[loss.node].where if loss.node >= 0 else fit.objective.backward_at,
        saw=(
            Evidence("loss of the generator and of its critic, together", together, healthy=f"above {bound:.3g}"),
            fit.seen_loss,
        ),
        help="give the generator's loss the label of real examples, or turn its sign",
        label="asks for what the critic asks for",
        confidence=0.93,
    )


def _factor(fit: Fit) -> float:
    """What the loss as a whole is multiplied with, as by 1/2 for a mean of two terms."""
    factors = [abs(float(node.detail.get("factor", 1.0))) for node in _last_ones(fit.network.nodes)]
    return float(np.prod(factors)) or 1.0


def _is_constant(targets: np.ndarray) -> bool:
    """Whether all targets are one number, from batch to batch too."""
    return len(targets) > 0 and float(targets[:, 1].max()) < LABEL and float(np.ptp(targets[:, 0])) < LABEL


def _minus(fit: Fit) -> Node | None:
    """What turns the sign of the loss, of a sum of terms that are never negative; None where an optimizer climbs."""
    terms = fit.objective.losses
    if not terms or any(term.node < 0 or term.name not in NEVER_NEGATIVE for term in terms):
        return None
    if fit.is_to_climb:
        return None
    behind = fit.network.nodes[terms[0].node + 1 :] if len(terms) == 1 else _last_ones(fit.network.nodes)
    turns = [node for node in behind if node.op == "Neg" or float(node.detail.get("factor", 1.0)) < 0]
    return turns[0] if len(turns) % 2 else None


def _last_ones(nodes: Sequence[Node]) -> list[Node]:
    """The operations on the loss as a whole, one after the other, the last one first."""
    found = [nodes[-1]]
    while len(found[-1].inputs) == 1 and nodes[found[-1].inputs[0]].shape == ():
        found.append(nodes[found[-1].inputs[0]])
    return found


def _speeds_up(fit: Fit) -> bool:
    """Whether a loss that is written out, in part at least, fell below 0, far, and faster in the second half than in
    the first."""
    known = all(term.name != "unknown" for term in fit.objective.losses)
    fell = fit.losses if fit.diverged_at is None else fit.losses[: int(np.argmin(np.isfinite(fit.losses)))]
    if (known and fit.objective.losses) or len(fell) < LONG:
        return False
    start, middle, end = (float(np.median(part)) for part in np.array_split(fell, 9)[::4])
    size = max(abs(fit.first_loss), 1.0)
    return end < -ENDLESS * size or (end < -FAR * size and middle - end > start - middle)


def _place(signals: Signals, fit: Fit) -> Where | None:
    """What turns the optimizer's sign, or the change of weights that is written out around its step; else where it is
    made."""
    for optimizer in fit.followed_by:
        turned = any(group.get("maximize") for group in optimizer.groups)
        stepped = optimizer.stepped_at
        by_hand = signals.places.update_beside(stepped) if stepped is not None and not turned else None
        return by_hand or signals.places.argument(optimizer.made_at, "maximize")
    backward = fit.objective.backward_at
    return signals.places.update_by_hand(backward) if backward else None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The same update against the gradient."""
    where = finding.where
    if where is None:
        return
    text = text_at(signals.run.sources, where)
    for minus in signals.places.nodes_at(Where(where.file, where.line), ast.UnaryOp):
        if isinstance(minus.op, ast.USub) and not isinstance(minus.operand, ast.Constant):
            edits = (replace(signals.places.where(where.file, minus), source_of(signals, where, minus.operand)),)
            yield Change("leave out the minus", edits, alters_loss=True)
    for given in signals.places.nodes_at(where, ast.Return):
        parts = given.value.elts if isinstance(given.value, ast.Tuple) else [given.value]
        turned = ("None" if each is None else f"-({ast.unparse(each)})" for each in parts)
        yield Change("turn the gradient around", (replace(where, "return " + ", ".join(turned)),))
    call = signals.places.call_at(where)
    if "+=" in text:
        yield Change("go against the gradient", (set_operator(where, "-="),))
    if call is not None and called(call) in ("softmax", "log_softmax", "cross_entropy"):
        method = isinstance(call.func, ast.Attribute) and not call.args[:1]
        scores = call.func.value if method and isinstance(call.func, ast.Attribute) else next(iter(call.args), None)
        if scores is not None:
            edits = (replace(signals.places.where(where.file, scores), "-({})"),)
            yield Change("make the nearest the most likely", edits, alters_loss=True)
    if call is not None and called(call) in ("add_", "sub_") and isinstance(call.func, ast.Attribute):
        other = "sub_" if called(call) == "add_" else "add_"
        rest = ", ".join(source_of(signals, where, part) for part in (*call.args, *call.keywords))
        place = signals.places.where(where.file, call)
        yield Change("go against the gradient", (replace(place, f"{{self}}.{other}({rest})"),))
    for call, _ in signals.places.calls(where.file, "SGD", "Adam", "AdamW", "RMSprop"):
        for keyword in call.keywords:
            if keyword.arg == "maximize":
                edits = (set_value(signals.places.where(where.file, keyword), "False"),)
                yield Change("minimise the loss", edits)
