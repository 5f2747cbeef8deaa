"""Fine-tuning wrecks the features it meant to use, or begins without them.

Why it fails: loaded weights stand in a good place. Steps that were made for a random start carry them away before the
new head has learned anything: a way of `Σ |Δw|/|w| = 0.5` is enough to turn a weight vector by 30°, for sin 30° =
0.5. With `strict=False`, a state dict whose names all have another prefix loads nothing, and nobody says so.

Measured: |Δw|/|w| of weights that were loaded or trained before, on the first looked-at steps, their sum, and what
became of the loss; whether a state dict has any name of the module that is given it; whether loaded weights are still
what was loaded when training begins, by the cosine; and the rates of the groups, where a schedule makes one of those
that they were made with; whether a table that was trained gives way to a larger one that is shorter than its rows were
together.

Healthy: steps well below 0.05, and less than 0.1 in all while a new head settles (derivation: ten steps of 0.05 are
that half). Fine-tuning takes smaller rates for early layers, and thaws them late (Howard & Ruder, 2018). Told
when the loss stays at chance, or when a single step is that half: the training loss may fall all the same, by
heart and without the features.

Fix: a rate of a tenth or a hundredth of the one the weights were trained with,
`Adam([{"params": body.parameters(), "lr": 1e-5}, {"params": head.parameters()}])`; freeze the features first; warm
up.

Ignore it when the loaded weights are no more than a starting point, for a task that shares nothing with theirs.
"""

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from headtorch.changes import replace, set_value
from headtorch.model import Change, Evidence, Finding
from headtorch.places.slips import flag_on_a_network
from headtorch.remedies import lower_rate, scaled, source_of
from headtorch.signals import Fit, Signals
from headtorch.store.records import Parameter

FAMILY = "the step"
LEADS_TO = ("lr-too-high", "dead-relu", "exploding-gradients", "vanishing-gradients", "overfitting")
ONCE = 2  # loads: more are copies of a network that are given its weights again and again
RAISED = 3.0  # times the rate it was made with: rates of groups differ by ten or more, Howard & Ruder (2018) by 2.6
LEVEL = 1.01  # times the lowest rate of the groups: what is set to one number differs by rounding
MOST = 0.75  # of the loaded weights: a last layer or two may well be made anew
KEPT_LENGTH = 0.98  # of the rows' length: of 1,000 numbers drawn anew it is known to within 2 %, and no shorter if kept
KEPT = 0.5  # the cosine with what was loaded: of 64 values drawn anew it is 0, four standard errors below
INITIALISE = (  # what most scripts call for it, and then what others do
    ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "trunc_normal_"),
    ("normal_", "uniform_", "reset_parameters"),
)
LARGE_STEP = 0.05  # |dw|/|w|: ten such steps are FAR
FAR = 0.5  # sum of |dw|/|w|: can turn a weight vector by asin(0.5) = 30 degrees
AT_ONCE = FAR  # in one step
AT_CHANCE = 0.15  # of the way from chance to 0: 116 of 118 healthy trainings come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that throws loaded weights about and learns nothing, and for weights that never came."""
    yield from _never_loaded(signals)
    yield from _made_anew(signals)
    for fit in signals.fits:
        if (overwritten := _overwritten(signals, fit)) is not None:
            yield overwritten
            continue
        if (levelled := _rates_levelled(signals, fit)) is not None:
            yield levelled
            continue
        updates = fit.series("update_ratio")
        mask = fit.weights & fit.trained_before & fit.moved & fit.sized
        if not updates or not mask.any() or updates.values.shape[1] != len(mask):
            continue
        first = float(np.nanmax(np.nanmedian(updates.values[:20, mask], axis=1)))
        distance = float(np.nansum(np.nanmedian(updates.values[:100, mask], axis=1)))
        at_chance = fit.gain < AT_CHANCE and fit.had_time
        if distance < FAR or first < (LARGE_STEP if at_chance else AT_ONCE):
            continue
        flag = signals.first_slip(flag_on_a_network, "False")
        yield Finding(
            rule="pretrained-destroyed",
            severity="error" if at_chance else "warning",
            message=f"steps move what was learned before by {first:.2g} times its size"
            + (", and the loss stays at chance" if at_chance else ""),
            where=flag or signals.rate_place(fit),
            saw=(
                Evidence("|Δw|/|w| of loaded weights", first, healthy="well below 0.05"),
                Evidence("moved in the first looked-at steps", distance, healthy="below 0.1 in all"),
                fit.seen_loss,
            ),
            help="lower the learning rate to a hundredth; or freeze the loaded layers first"
            if flag is None
            else "call `requires_grad_(False)`: the attribute of a network does not reach its parameters",
            label="this rate moves the loaded weights" if flag is None else "freezes nothing",
            confidence=0.87 if at_chance else 0.8,
        )


def _overwritten(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where weights that were loaded are others before the first step."""
    cosines = np.array([fit.still_loaded(p) for p in fit.parameters if p.loaded and len(p.shape) >= 2])
    lost = cosines[np.isfinite(cosines)] < KEPT
    if not len(lost) or lost.mean() <= MOST:
        return None
    calls = (
        place for names in INITIALISE for file in signals.run.sources for _, place in signals.places.calls(file, *names)
    )
    return Finding(
        rule="pretrained-destroyed",
        severity="error",
        message=f"{lost.sum()} of {len(lost)} weights that were loaded have been overwritten before the first step",
        where=next(calls, fit.objective.backward_at),
        saw=(
            Evidence("cosine with what was loaded", float(np.median(cosines[np.isfinite(cosines)])), healthy="1"),
            fit.seen_loss,
        ),
        help="load the weights after everything has been initialised, or initialise the new layers alone",
        label="overwrites what was loaded",
        confidence=0.95,
    )


def _made_anew(signals: Signals) -> Iterator[Finding]:
    """A finding where a table that was trained gives way to a larger one that does not hold its rows.

    A table that holds them is no shorter than they are together.
    """
    for number, fit in enumerate(signals.fits):
        goes_on = bool((fit.trained_before & fit.weights).any())
        for column, table in enumerate(fit.parameters):
            is_new = goes_on and table.kind.startswith("Embedding") and not table.loaded and fit.weights[column]
            old = _rows_before(signals.fits[:number], table) if is_new else None
            begins = _length(fit, column, 0)
            if old is None or not begins < KEPT_LENGTH * old[1]:
                continue
            rows, length = old
            module = signals.run.modules.get(table.module) if table.module is not None else None
            yield Finding(
                rule="pretrained-destroyed",
                severity="error",
                message=f"`{table.name}` was trained with {rows:,} rows, and is made anew with {table.shape[0]:,}: "
                "what they had learned is gone",
                where=module.made_at if module is not None else fit.objective.backward_at,
                saw=(
                    Evidence("length of all rows before", length),
                    Evidence("of the new table", begins, healthy="at least as much"),
                    fit.seen_loss,
                ),
                help="copy the old rows into the new table: `new.weight[: len(old)] = old` under `torch.no_grad()`",
                label="has none of the old rows",
                confidence=0.93,
            )
            return


def _rows_before(earlier: Sequence[Fit], table: Parameter) -> tuple[int, float] | None:
    """How many rows a smaller table of the same name had that was trained, and their length together."""
    for fit in earlier:
        for column, old in enumerate(fit.parameters):
            grown = old.name == table.name and old.shape[1:] == table.shape[1:] and old.shape < table.shape
            if grown and fit.moved[column]:
                return old.shape[0], _length(fit, column, -1)
    return None


def _length(fit: Fit, column: int, row: int) -> float:
    """The norm of a watched parameter at a looked-at step; NaN where it was not seen."""
    norms = fit.series("weight_norm")
    return float(norms.values[row, column]) if norms and norms.values.shape[1] == len(fit.parameters) else float("nan")


def _rates_levelled(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a schedule gives one rate to groups that were made with rates of their own, and what was learned
    before had the lowest."""
    for optimizer in fit.followed_by[-1:]:
        made_with, series = np.array(optimizer.made_with), fit.rates.get(optimizer.id)
        if (
            len(made_with) < 2
            or not (made_with > 0).all()
            or series is None
            or series.values.shape[1] != len(made_with)
        ):
            continue
        rates = series.values
        lowest = int(made_with.argmin())
        sizes = [int(group.get("parameters") or 0) for group in optimizer.groups]
        first = sum(sizes[:lowest])
        held = set(optimizer.parameters[first : first + sizes[lowest]])
        learned = {p.id for p, before in zip(fit.parameters, fit.trained_before, strict=True) if before}
        raised = float(rates[:, lowest].max() / made_with[lowest])
        level = bool((rates.max(axis=1) <= LEVEL * rates.min(axis=1)).all())
        if not (level and held & learned and raised > RAISED and made_with.max() > RAISED * made_with.min()):
            continue
        return Finding(
            rule="pretrained-destroyed",
            severity="error",
            message=f"the schedule gives all groups one rate, {raised:.3g}x that of what was learned before",
            where=signals.schedule_place() or signals.rate_place(fit),
            saw=(
                Evidence("rates that the groups were made with", ", ".join(f"{rate:.3g}" for rate in made_with)),
                Evidence("the highest that they are trained with", f"{rates.max():.3g}, all of them"),
                fit.seen_loss,
            ),
            help="give the schedule one rate a group: `max_lr=[...]`",
            label="levels the groups' rates",
            confidence=0.92,
        )
    return None


def _never_loaded(signals: Signals) -> Iterator[Finding]:
    """A finding where a state dict has brought nothing; copies that are given theirs again and again are no
    fine-tuning."""
    for event in signals.loaded_in_vain[:1] if len(signals.loaded_in_vain) <= ONCE else ():
        wanted, given = event.value["wanted"], event.value["given"]
        places = signals.run.stacks("nothing_loaded")
        yield Finding(
            rule="pretrained-destroyed",
            severity="error",
            message=f"nothing was loaded: the state dict {'has none of the names' if given else 'holds nothing'} "
            f"of this {event.value['type']}",
            where=places[0][0] if places and places[0] else None,
            saw=(Evidence("a name that is wanted", wanted), Evidence("a name that is given", given or "none")),
            help="give the names their right prefix, and load with `strict=True`, which says what is missing",
            label="loads nothing",
            confidence=0.97,
        )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A rate for each group, or a lower one for what was learned before."""
    where = finding.where
    if any(_overwritten(signals, fit) is not None for fit in signals.fits):
        return  # which layers are to be new, the source does not say
    if where is not None and where == signals.first_slip(flag_on_a_network, "False"):
        for flag in signals.places.nodes_at(where, ast.Assign):
            target = flag.targets[0]
            if isinstance(target, ast.Attribute):
                code = f"{source_of(signals, where, target.value)}.requires_grad_({ast.unparse(flag.value)})"
                yield Change("freeze the parameters", (replace(where, code),))
        return
    call = signals.places.call_at(where) if where is not None else None
    if where is not None and call is not None:
        rates = next((list(o.made_with) for f in signals.fits[::-1] for o in f.followed_by[-1:] if o.made_with), [])
        for given in (keyword for keyword in call.keywords if keyword.arg == "max_lr" and len(rates) > 1):
            edits = (set_value(signals.places.where(where.file, given), repr(rates)),)
            yield Change("give each group its own rate", edits)
    yield from scaled(signals, finding.where, "lr", "lower the learning rate to", (0.1, 0.01, 0.001), None)
    yield from lower_rate(signals)
