"""The same examples are fed again and again.

Why learning fails: a network that sees two examples learns two examples. `g = 1/B Σᵢ ∇L(xᵢ)` over copies of one
example is the gradient of that one, whatever the batch size B: the training loss falls to nothing, and says nothing
about any other.

Measured: a mark of each example in the first 100 looked-at batches, how many different ones there are within a batch,
and whether all labels are of one class. Where every batch is the same: whether the loop asks a new iterator for its
first item, or cuts a slice that never moves, and evaluates more than that; or what is learned of it by heart is worth
nothing on held-out examples. Where examples repeat in a batch and are fewer than those in evaluation: whether a
`__getitem__` has a number in place of its index, or cuts it by one, `index % 40`. Where all examples of all batches
are one, with several targets: whether the loss stays at that of a constant answer. Where numbers are to be told:
whether examples that stand in a batch again have another number there. In the source, whether an object hands out an
array that it fills anew, to what keeps it; and, where the same batches come again and hold fewer examples than an
evaluation, whether an `__iter__` draws them from the same seed each time.

Healthy: near 100 %: B draws with replacement from N examples give about 1 − B / 2N different ones (derivation).
Measured over 119 healthy trainings, 91 % or more in 19 of 20. Told at 30 %, where all are of one class besides:
inputs of a few symbols repeat by nature. Where the source cuts the index, told below those 91 %.

Fix: give the sampler one weight for each example, not for each class, `WeightedRandomSampler(weight[y], len(y))`;
look at the index that never advances, and at an iterator that is made anew for every batch.

Ignore it when one batch is overfitted on purpose, as a first test of the network.
"""

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from headtorch.changes import replace, set_argument
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.aliases import cleared_list, handed_out, kept_buffer
from headtorch.places.reseeded import seeded_anew
from headtorch.remedies import source_of
from headtorch.signals import Fit, Signals, span
from headtorch.store.records import DISTANCES

FAMILY = "the data"
LEADS_TO = ("overfitting", "labels-misaligned", "leakage-or-bad-validation", "class-imbalance")
DIFFERENT = 0.3  # of a batch's examples: 113 of 116 healthy trainings have more
ENOUGH = 20  # looked-at batches: fewer could be one odd stretch of the data
EXAMPLES = 9  # the column of the inputs that holds how many examples a batch has
LEARNED = 0.9  # of the way from chance to 0: the one batch is known by heart
NOTHING = 0.9  # of chance, or above, on held-out examples: a tenth better is no more than luck
UNLEARNED = 0.3  # of the way from chance to 0: 114 of 118 healthy trainings come further
MOST = 0.5  # of the copies: noise alone gives some of them another target
REPEATED = 0.91  # of a batch's examples: 19 of 20 healthy trainings have more; without replacement none repeats
LITTLE = 0.1  # of the way from chance to 0: what a lucky batch may gain, as for `NOTHING`
SMALL = 8  # examples: in smaller batches a share says little


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose batches repeat few examples of a single class, or are one batch for ever."""
    for fit in signals.fits:
        if (same := _for_ever(signals, fit)) is not None:
            yield same
            continue
        marks = fit.series("fingerprint")
        if not marks or len(marks.steps) < ENOUGH or fit.called_often:
            continue
        sizes = np.isfinite(marks.values).sum(axis=1)
        if np.median(sizes) < SMALL:
            continue
        if len(np.unique(marks.values[np.isfinite(marks.values)])) == 1 and _learns_nothing(fit):
            yield _single(signals, fit)
            continue
        rows = [row[np.isfinite(row)] for row in marks.values[:100]]
        within = float(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]))
        overall = len(np.unique(np.concatenate(rows))) / sum(map(len, rows))
        counts = fit.series("class_count")
        one_class = bool(counts) and int((counts.values.sum(axis=0) > 0).sum()) == 1
        different = len(np.unique(np.concatenate(rows)))
        cut = next((place for file in signals.run.sources if (place := signals.places.ignored_index(file))), None)
        if cut is not None and within < REPEATED and different < _evaluated(fit):
            yield _few(fit, cut, within, different)
            continue
        seeded = signals.first_slip(seeded_anew)
        if seeded is not None and _comes_again(rows) and different < _evaluated(fit):
            yield _drawn_again(fit, seeded, different)
            continue
        cleared = signals.first_slip(cleared_list)
        if cleared is not None and within < REPEATED:
            yield _cleared(fit, cleared, within)
            continue
        handed = signals.first_slip(handed_out)
        if handed is not None and within < REPEATED:
            yield _handed_out(fit, handed, within)
            continue
        if (copies := _copies(signals, fit, within)) is not None:
            yield copies
            continue
        if within > DIFFERENT or not one_class:
            continue
        yield Finding(
            rule="constant-or-duplicate-batch",
            severity="error",
            message=f"{within:.0%} of the examples in a batch differ, and all are of one class",
            where=signals.sampler_place() or signals.loader_place() or fit.objective.backward_at,
            saw=(
                Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"),
                Evidence("different examples in 100 batches", f"{overall:.1%}", healthy="more"),
                fit.seen_loss,
            ),
            help="give the sampler one weight for each example; let the index advance",
            label="draws the same examples",
            confidence=0.94,
        )


def _learns_nothing(fit: Fit) -> bool:
    """Whether the targets differ and the loss stays near that of a constant answer."""
    targets, counts = fit.series("target"), fit.series("class_count")
    classes = int((counts.values.sum(axis=0) > 0).sum()) if counts else 0
    return bool(targets) and (classes > 1 or float(np.nanmedian(targets.values[:, 7])) > 0) and fit.gain < LITTLE


def _single(signals: Signals, fit: Fit) -> Finding:
    """The finding that all examples are one and the same."""
    buffer = signals.first_slip(kept_buffer)
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message="all examples that were looked at are one and the same, though their targets differ",
        where=buffer or signals.loader_place() or fit.objective.backward_at,
        saw=(Evidence("different examples", 1.0, healthy="as many as there are targets"), fit.seen_loss),
        help="keep a copy of each example: an array that is filled anew changes all that share its memory",
        label="not a copy" if buffer is not None else "gives one example",
        confidence=0.97,
    )


def _copies(signals: Signals, fit: Fit, within: float) -> Finding | None:
    """A finding where examples stand several times in a batch, with other numbers for their targets, and little is
    learned: what was kept of each is what all of them share in the end.

    Not where the inputs lie between 0 and 1 to the last one: they may be symbols, which repeat by nature.
    """
    marks, labels = fit.series("fingerprint"), fit.series("label")
    inputs = fit.series("input")
    loss = fit.loss.name if fit.loss is not None else ""
    if (
        within > REPEATED
        or loss not in DISTANCES
        or fit.gain > UNLEARNED
        or signals.several_inputs(fit)
        or fit.network.looks_up  # users and words come again by nature
        or marks.values.shape != labels.values.shape
    ):
        return None
    if inputs.values[:, 2].min() == 0 and inputs.values[:, 3].max() == 1:
        return None
    returned = different = 0
    for row, targets in zip(marks.values[:100], labels.values[:100], strict=True):
        seen: dict[float, float] = {}
        for mark, target in zip(row[np.isfinite(row)], targets[np.isfinite(row)], strict=True):
            returned += mark in seen
            different += seen.setdefault(mark, target) != target
    if returned < ENOUGH or different < MOST * returned:
        return None
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message=f"{different / returned:.0%} of the examples that stand in a batch again have another target there",
        where=signals.kept_place() or signals.input_place(fit),
        saw=(
            Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"),
            Evidence("copies with another target", f"{different} of {returned}", healthy="none"),
            fit.seen_loss,
        ),
        help="keep a copy of each example, `.copy()`: what is changed in place changes for all that share its memory",
        label="keeps what is changed later",
        confidence=0.85,
    )


def _comes_again(rows: Sequence[np.ndarray]) -> bool:
    """Whether the batches are few that come again as they were."""
    return len({frozenset(row.tolist()) for row in rows}) <= len(rows) / 2


def _drawn_again(fit: Fit, where: Where, different: int) -> Finding:
    """A finding where the examples of each round are drawn from the same seed."""
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message=f"each round draws from the same seed: the same {different} examples come again and again",
        where=where,
        saw=(
            Evidence("different examples in 100 batches", float(different), healthy="more than in evaluation"),
            fit.seen_loss,
        ),
        help="make the generator once, in `__init__`, or give each round a seed of its own",
        label="begins anew at each round",
        confidence=0.95,
    )


def _cleared(fit: Fit, where: Where, within: float) -> Finding:
    """A finding where what was kept of each episode is one list, which is cleared for the next."""
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message="what is kept here is cleared later: all that was kept holds the last, and a batch repeats it",
        where=where,
        saw=(Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"), fit.seen_loss),
        help="begin a new list, `steps = []`, in place of `steps.clear()`; or keep a copy, `list(steps)`",
        label="not a copy",
        confidence=0.95,
    )


def _handed_out(fit: Fit, where: Where, within: float) -> Finding:
    """A finding where what was kept of each state is one array, which is filled anew for the next."""
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message="an array is handed out that is changed in place afterwards: all that is kept of it is its last state",
        where=where,
        saw=(Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"), fit.seen_loss),
        help="give a copy: `return self.board.copy()`",
        label="hands out what it changes later",
        confidence=0.95,
    )


def _evaluated(fit: Fit) -> float:
    """The examples of the largest batch in evaluation."""
    held = fit.series("eval_input")
    return float(held.values[:, EXAMPLES].max()) if held else 0.0


def _few(fit: Fit, where: Where, within: float, different: int) -> Finding:
    """A finding where the source cuts the index of a data set."""
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message=f"the data set gives {different} examples, whatever the index",
        where=where,
        saw=(
            Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"),
            Evidence("different examples in 100 batches", float(different), healthy="more than in evaluation"),
            fit.seen_loss,
        ),
        help="use the whole index to choose the example",
        label="chooses among few examples",
        confidence=0.95,
    )


def _nothing_held(fit: Fit) -> bool:
    """Whether the training data is learned and no other: by chance alone the held-out loss would be as low."""
    held = fit.held_out
    known = held is not None and fit.chance is not None and fit.gain > LEARNED
    return bool(known and held is not None and float(held.column().min()) > NOTHING * (fit.held_out_chance or 0))


def _for_ever(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where every batch is the same, and the source shows that it is not all there is."""
    marks, backward = fit.series("fingerprint"), fit.objective.backward_at
    inputs, held = fit.series("input"), fit.series("eval_input")
    if not marks or len(marks.steps) < ENOUGH or backward is None or not inputs:
        return None
    if len({frozenset(row[np.isfinite(row)].tolist()) for row in marks.values}) > 1:
        return None
    examples = float(inputs.values[:, EXAMPLES].max())
    where = signals.places.begins_anew(backward)
    if where is None and held and float(held.values[:, EXAMPLES].max()) > examples:
        where = signals.places.slice_at_rest(backward)
    if where is None and held and _nothing_held(fit):
        where = signals.taken_place()
    if where is None:
        return None
    return Finding(
        rule="constant-or-duplicate-batch",
        severity="error",
        message=f"all {len(marks.steps)} batches that were looked at are the same {examples:.0f} examples",
        where=where,
        saw=(
            Evidence("different batches", 1.0, healthy=f"{len(marks.steps)}", steps=span(marks.steps)),
            fit.seen_loss,
        ),
        help="loop over the loader itself; let the bounds of the slice advance with the step",
        label="gives the same batch at every step",
        confidence=0.93,
    )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The whole index; a weight for each example instead of one for each class, or no sampler at all."""
    where = finding.where
    if where is None:
        return
    if where == cleared_list(signals.places, where.file):
        yield Change("keep a copy", (replace(where, "list({})"),))
        return
    if where == handed_out(signals.places, where.file):
        for handed in signals.places.nodes_at(where, ast.Return):
            if handed.value is not None:
                value = signals.places.where(where.file, handed.value)
                yield Change("hand out a copy", (replace(value, "{}.copy()"),))
        return
    if where == kept_buffer(signals.places, where.file):
        for copy in ("{}.copy()", "{}.clone()"):
            yield Change("keep a copy of each example", (replace(where, copy),))
        return
    if where == signals.places.ignored_index(where.file):
        for cut in signals.places.nodes_at(where, ast.BinOp):
            edits = (replace(where, source_of(signals, where, cut.left)),)
            yield Change("use the whole index", edits)
        return
    if where == signals.taken_place():
        for call, place in signals.places.calls(where.file, "DataLoader"):
            if not any(keyword.arg in ("shuffle", "sampler", "batch_sampler") for keyword in call.keywords):
                yield Change(
                    "take each batch from another order of the data", (set_argument(place, "shuffle", "True"),)
                )
        return
    sets = signals.places.calls(where.file, "TensorDataset")
    labels = [ast.unparse(call.args[1]) for call, _ in sets if len(call.args) > 1]
    for call, _ in signals.places.calls(where.file, "DataLoader"):
        if call.args and any(keyword.arg == "sampler" for keyword in call.keywords):
            labels += [f"{ast.unparse(call.args[0])}.{name}" for name in ("y", "targets", "labels")]
    for call, _ in signals.places.calls(where.file, "WeightedRandomSampler"):
        weights = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "weights"), None)
        if isinstance(weights, ast.Name):
            for label in labels:
                edits = (replace(signals.places.where(where.file, weights), f"{{}}[{label}]"),)
                yield Change("give the sampler a weight for each example", edits)
    for call, _ in signals.places.calls(where.file, "DataLoader"):
        for keyword in call.keywords:
            if keyword.arg in ("sampler", "batch_sampler"):
                code = ast.unparse(call).replace(f"{keyword.arg}={ast.unparse(keyword.value)}", "shuffle=True")
                edits = (replace(signals.places.where(where.file, call), code),)
                yield Change("draw the examples in random order, without the sampler", edits)
