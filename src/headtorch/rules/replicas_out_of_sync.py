"""Copies of a model that should be equal drift apart.

Why learning fails: data parallel workers see a share of the data each. The step of the whole is
`w ← w − lr·(1/N) Σᵢ gᵢ`: only when the gradients of all N (or the weights) are averaged at every step does each copy
learn from all of it. Otherwise there are N models, and the one that is evaluated or saved knows its own share.

Measured: networks of one form that begin with the same weights, are trained in turn by the same lines, never come
together again in the second half of the training, and of which one is evaluated and another never; or none of them,
but another network that is made of theirs, as the server of a federation. Also state dicts that are to bring them
together and of whose names none is theirs, so that they load nothing; whether a loop over parameters binds its own
name in place of writing into them; and whether a copy that is called between any two
steps, without a gradient, ever changes.

Healthy: a difference of 0 % between copies, for what begins equal and takes equal steps stays equal (derivation). Told
where the lengths of their weights are 0.1 % apart or more, which rounding does not bring about. Not told where each
loss draws the weights to values that are given to it, as in ADMM (Boyd et al., 2011): copies may stay apart.

Fix: average before each step, `dist.all_reduce(p.grad, op=dist.ReduceOp.AVG)`; with `DistributedDataParallel`, call the
wrapper and not the module in it.

Ignore it when the copies are meant to part, as members of an ensemble of which you evaluate one for a start.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import insert_before
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.slips import bound_anew
from headtorch.signals import Fit, Signals
from headtorch.slip import Slip, slipped

FAMILY = "the step"
LEADS_TO = (
    "overfitting",
    "leakage-or-bad-validation",
    "data-not-shuffled",
    "labels-misaligned",
    "class-imbalance",
    "preprocessing-mismatch",
    "capacity-too-small",
)
ENOUGH = 20  # looked-at calls of a copy: fewer could be one stretch of the training
BEGINS = 0.05  # of its length: a few steps at most after it was copied
LEFT = 0.1  # of its length: further than what any smoothed average lags behind over the first steps
EARLY = 100  # steps, while each is looked at
APART = 1e-3  # of their size: float32 rounds at 6e-8, so this takes 16,000 steps of rounding all one way
ROUNDS = 3  # turns of each: one if one comes after the other, two if it is trained on once
IN_TURN = 0.5  # of neighbouring steps: all are of different fits in turn, one in all if one comes after the other

BOUND = Slip(
    bound_anew,
    "weights are to be copied, and a name is bound: the network keeps its own",
    ("weights that are written", "0", "all"),
    help="write into the parameter under `torch.no_grad()`: `weight.copy_(value)`",
    label="binds a name, and copies nothing",
    confidence=0.94,
    names=("parameters",),
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each group of networks that begin as copies and are trained in turn, each for itself."""
    evaluated = {event.value["module"] for event in signals.run.events("evaluated")}
    told: set[int] = set()
    in_vain = signals.loaded_in_vain
    if len(in_vain) >= ROUNDS:
        stacks = signals.run.stacks("nothing_loaded")
        yield Finding(
            rule="replicas-out-of-sync",
            severity="error",
            message="copies are given weights and load none: the state dict has none of their names",
            where=next((stack[0] for stack in stacks if stack), None),
            saw=(
                Evidence("loads of nothing", float(len(in_vain)), healthy="0"),
                Evidence("a name that is wanted", in_vain[0].value["wanted"]),
                Evidence("a name that is given", in_vain[0].value["given"] or "none"),
            ),
            help="give the state of the same module, and load with `strict=True`, which says what is missing",
            label="loads nothing",
            confidence=0.96,
        )
        return
    if all(fit.moved.any() for fit in signals.fits) and (bound := [*slipped("replicas-out-of-sync", signals, BOUND)]):
        yield from bound  # where nothing moves, it is the step that binds names
        return
    for fit in signals.fits:
        yield from _never_follows(signals, fit)
    for number, fit in enumerate(signals.fits):
        if fit.objective.id in told or _is_pulled(fit):
            continue
        copies = [fit, *(other for other in signals.fits[number + 1 :] if _is_copy(fit, other))]
        families = [_family(signals, each) for each in copies]
        used = [bool(family & evaluated) for family in families]
        apart = max((_apart(fit, other) for other in copies[1:]), default=0.0)
        stepwise = all(_in_turn(fit, other) for other in copies[1:])
        joined = not any(used) and bool(evaluated)  # in one that is made of them
        if apart < APART or all(used) or not (joined or (stepwise and any(used))):
            continue
        told |= {each.objective.id for each in copies}
        yield Finding(
            rule="replicas-out-of-sync",
            severity="error",
            message=f"{len(copies)} copies of one network begin equal, and each learns for itself",
            where=_place(signals, fit),
            saw=(
                Evidence("difference of their weights' lengths", f"{apart:.1%}", healthy="0 %"),
                Evidence("copies that are evaluated", f"{sum(used)} of {len(copies)}", healthy="equal copies, or all"),
                fit.seen_loss,
            ),
            help="average the copies' gradients before each step, and call what sees to it, not the module inside",
            label="trains one copy, apart from the others",
            confidence=0.93,
        )


def _never_follows(signals: Signals, fit: Fit) -> Iterator[Finding]:
    """A finding for each copy of a network that makes targets at every step and stays as the network began.

    A copy of what was trained before is kept on purpose, to stay near it.
    """
    series = fit.series("weights_behind")
    if fit.trained_before.any() or not series:
        return
    for module in np.unique(series.values[:, 0]):
        rows = series.values[series.values[:, 0] == module]
        steps = series.steps[series.values[:, 0] == module]
        between = np.diff(np.searchsorted(fit.series("loss").steps, np.unique(steps[:EARLY])))
        if len(rows) < ENOUGH or len(between) < ENOUGH or float(np.median(between)) > 1:
            continue
        lengths, apart = rows[:, 1], rows[:, 2] / np.maximum(rows[:, 1], 1e-30)
        if lengths.max() > lengths.min() or apart[0] > BEGINS or apart[-1] < LEFT:
            continue
        name = signals.run.modules[int(module)].kind if int(module) in signals.run.modules else "network"
        yield Finding(
            rule="replicas-out-of-sync",
            severity="error",
            message=f"a copy of the {name} makes targets at every step, and stays as the network was at the start",
            where=signals.follows_place() or signals.copy_place(),
            saw=(
                Evidence("change of the copy's weights", "0 %", healthy="that of the network, later or smoothed"),
                Evidence("difference from the network in the end", f"{apart[-1]:.0%}"),
                fit.seen_loss,
            ),
            help="bring the network's weights into the tensors of the copy itself, at each step or every few hundred",
            label="does not reach the copy that is used",
            confidence=0.9,
        )
        return


def _is_copy(fit: Fit, other: Fit) -> bool:
    """Whether two fits train equal but distinct networks by the same lines, taking turns."""
    mine, theirs = ([p for p, r in zip(f.parameters, f.reached, strict=True) if r] for f in (fit, other))
    if (
        not mine
        or [p.shape for p in mine] != [p.shape for p in theirs]
        or {p.id for p in mine} & {p.id for p in theirs}
    ):
        return False
    if fit.objective.backward_at != other.objective.backward_at or _changes(fit, other) < 2 * ROUNDS:
        return False
    if {o.made_at[:1] for o in fit.followed_by} != {o.made_at[:1] for o in other.followed_by}:
        return False
    starts = [(fit.initial(a), other.initial(b)) for a, b in zip(mine, theirs, strict=True)]
    return all(a[:2] == b[:2] for a, b in starts) and any(a[0] > 0 for a, _ in starts)


def _is_pulled(fit: Fit) -> bool:
    """Whether the loss measures how far the weights are from something given: so copies are drawn to what they have in
    common, and need not be equal (ADMM: Boyd et al., 2011)."""
    nodes, shapes = fit.network.nodes, {parameter.shape for parameter in fit.parameters}
    return any(
        node.op == "Sub"
        and node.outside
        and (all(map(fit.network.is_made_of_weights, node.inputs)) if node.inputs else node.shape in shapes)
        for node in nodes
    )


def _changes(fit: Fit, other: Fit) -> int:
    """How often one of two fits takes over from the other, while every step is looked at."""
    mine, theirs = (f.series("weight_norm").steps[:EARLY] for f in (fit, other))
    whose = np.repeat([0, 1], [len(mine), len(theirs)])[np.argsort(np.concatenate([mine, theirs]), kind="stable")]
    return int((np.diff(whose) != 0).sum())


def _in_turn(fit: Fit, other: Fit) -> bool:
    """Whether the steps of two fits alternate, most of the time."""
    steps = sum(len(f.series("weight_norm").steps[:EARLY]) for f in (fit, other))
    return _changes(fit, other) > IN_TURN * (steps - 1)


def _apart(fit: Fit, other: Fit) -> float:
    """How far the lengths of the weights of two fits are apart where a turn of theirs begins, at the nearest of the
    turns in the second half of those that were looked at."""
    mine, theirs = _turns(fit), _turns(other)
    both = [turn for turn in mine if turn in theirs]
    if len(both) < ROUNDS:
        return 0.0
    pairs = [(mine[turn], theirs[turn]) for turn in both[len(both) // 2 :]]
    return min(float(np.abs(a - b).max() / a.max()) for a, b in pairs)


def _turns(fit: Fit) -> dict[int, np.ndarray]:
    """The lengths of a fit's weights at the first step of each of its turns, by number, where that was looked at."""
    steps, norms = fit.series("loss").steps, fit.series("weight_norm")
    begins = steps[np.diff(steps, prepend=steps[0] - 2) != 1]
    looked = {int(step): row[fit.reached & fit.weights] for step, row in zip(norms.steps, norms.values, strict=True)}
    return {turn: looked[int(step)] for turn, step in enumerate(begins) if int(step) in looked}


def _family(signals: Signals, fit: Fit) -> set[int]:
    """The modules that a fit calls, with those that hold them and those that they hold."""
    modules, found = signals.run.modules, set(fit.objective.roots)
    for number in fit.objective.roots:
        parent = modules[number].parent if number in modules else None
        while parent is not None and parent not in found:
            found.add(parent)
            parent = modules[parent].parent if parent in modules else None
    return found


def _place(signals: Signals, fit: Fit) -> Where | None:
    """Where the module is taken out of what holds it, else where it is called."""
    for number in fit.objective.roots:
        module = signals.run.modules.get(number)
        if module is not None and module.called_at is not None:
            taken = signals.places.callee(module.called_at) if module.parent is not None else None
            return taken or fit.objective.backward_at
    return fit.objective.backward_at


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The numbers copied into the parameter whose name is bound anew."""
    where = finding.where
    if where is None or where != signals.first_slip(bound_anew, "parameters"):
        return
    for statement in signals.places.nodes_at(where, ast.Assign):
        code = f"{ast.unparse(statement.targets[0])}.data.copy_({ast.unparse(statement.value)})"
        yield Change("copy the numbers", (insert_before(where, code),))
