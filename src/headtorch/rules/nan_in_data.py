"""NaN or infinite values stand in the inputs or the targets.

Why learning fails: `NaN · w = NaN`, even for w = 0. One missing value in a batch makes the loss NaN, backward makes
every gradient NaN, and one step makes every weight NaN, for good.

Measured: the share of values that are no finite number in the batches given to the network and in the targets, on the
looked-at steps and at the first loss that is NaN.

Healthy: none (derivation: IEEE 754 hands NaN on through every sum and product).

Fix: drop or fill missing values before training, `table.fillna(table.median())`; check once with
`torch.isfinite(x).all()`.

Ignore it when missing values are NaN on purpose and masked out before anything is computed from them.
"""

import ast
from collections.abc import Iterator

from headtorch.changes import insert_after, replace
from headtorch.model import Change, Evidence, Finding
from headtorch.places.trees import assigned_names, called
from headtorch.remedies import assignment_at, callee, calls_on_line, network_name
from headtorch.signals import Fit, Signals

FAMILY = "the data"
LEADS_TO = (
    "numeric-overflow",
    "exploding-gradients",
    "lr-too-high",
    "dead-relu",
    "input-not-normalised",
    "target-not-normalised",
    "init-too-large",
    "saturated-activations",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that was given values that are no finite numbers while its weights still were."""
    for fit in signals.fits:
        for what in ("input", "target"):
            if (seen := _not_finite(fit, what)) is None:
                continue
            share, step = seen
            yield Finding(
                rule="nan-in-data",
                severity="error",
                message=f"the {what}s hold values that are NaN or infinite",
                where=signals.input_origin(fit) if what == "input" else signals.target_place(fit),
                saw=(
                    Evidence(f"{what} values that are no number", f"{share:.2%}", healthy="0 %", steps=str(step)),
                    Evidence(
                        "loss", f"{fit.first_loss:.3g}" if fit.diverged_at is None else f"NaN at step {fit.diverged_at}"
                    ),
                ),
                help="drop or fill the missing values before the data is made into tensors",
                label="brings in values that are no numbers",
                confidence=0.97,
            )
            break


def _not_finite(fit: Fit, what: str) -> tuple[float, int] | None:
    for event in fit.run.events("nan"):
        if event.value["objective"] == fit.objective.id and event.value.get(what, 0.0) > 0:
            return float(event.value[what]), event.step
    series = fit.series(what)
    for step, row in zip(series.steps, series.values, strict=True):
        if row[4] > 0 and (fit.diverged_at is None or step <= fit.diverged_at):
            return float(row[4]), int(step)
    return None


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A logarithm that takes zeros, or zeros for what is no number."""
    where = finding.where
    if where is None:
        return
    for call, place in calls_on_line(signals, where, "log"):
        code = ast.unparse(call.func).removesuffix("log") + "log1p({0})"
        if call.args:
            edits = (replace(place, code),)  # of targets, it makes other targets
            yield Change("take the logarithm of 1 + x, which takes zeros", edits, alters_loss=True)
    for call, place in signals.places.calls(where.file, "copy", "read_csv"):
        if called(call) == "copy":
            yield Change("leave out the rows that lack values", (replace(place, "{self}.dropna()"),))
    statement = assignment_at(signals, where) if where != signals.longest.objective.backward_at else None
    if network_name(signals, signals.longest) in [callee(signals, where)]:  # where data goes in, not where it is made
        return
    for name in assigned_names(statement)[:1] if statement is not None else ():
        code = f"{name}[{name} != {name}] = 0  # what is no number"
        yield Change("put zeros in the place of what is no number", (insert_after(where, code),))
