"""The weights are never updated.

Why learning fails: backward fills `.grad` and changes no weight; the step does, `w ← w − lr·g`. Without one the
network stays as it was made, and the loss changes with the batches only.

Measured: the change of every weight from one backward pass to the next, and whether an optimizer stepped in between;
where it did, whether the gradients that backward has filled are reset before the step.
Passes that train nothing on purpose (an attack, a saliency map) reach weights that another loss trains, and are left
out.

Healthy: one step a batch, or one for every few batches when gradients are accumulated (derivation: with no step Δw =
0). Told after 5 backward passes in which nothing ever steps.

Fix: `optimizer.step()` after `loss.backward()`, with the optimizer that holds these parameters; where one stands in
the source and never runs, a condition that lets it.

Ignore it when gradients are all that is wanted, as in a script that studies them and trains nothing.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import delete, insert_after, text_at
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import optimizer_name
from headtorch.signals import Fit, Signals

FAMILY = "the step"
LEADS_TO = ("lr-too-low", "lr-schedule-kills", "vanishing-gradients", "dead-relu", "capacity-too-small", "overfitting")
ENOUGH = 5  # backward passes: fewer may be a try, or an accumulation that was stopped before its first step


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that never changes a weight, when no other fit does either."""
    for fit in signals.fits:
        updates = fit.series("update_ratio")
        trained = any(number in signals.moved for number in fit.objective.reached)
        if fit.steps < ENOUGH or not updates or trained or not fit.objective.reached:
            continue
        if any(fit.held & fit.reached):  # it steps, and moves nothing: the rate is 0, or the gradients are
            if (finding := _reset_before_the_step(signals, fit)) is not None:
                yield finding
            continue
        made = [o for o in signals.run.optimizers.values() if set(o.parameters) & set(fit.objective.reached)]
        if any(o.stepped_at is not None for o in signals.run.optimizers.values()) and not made:
            continue  # an optimizer steps, over other parameters: another rule's case
        backward = fit.objective.backward_at
        step = _step_in_the_source(signals, backward)
        condition = signals.places.condition_around(step) if step is not None else None
        where = condition or step or backward
        if condition is not None and step is not None:
            advice = "make the condition let the step run, after each batch or every few"
            label = f"the step in line {step.line} depends on this, and never runs"
        elif step is not None:
            advice, label = "see that this line runs after each backward pass", "is never reached"
        else:
            advice, label = "call `optimizer.step()` after this line", "fills the gradients, and nothing uses them"
        held = f"`{made[0].kind}` holds them" if made else "no optimizer holds them"
        yield Finding(
            rule="no-optimizer-step",
            severity="error",
            message=f"no weight changes in {fit.steps:,} backward passes: no optimizer steps",
            where=where,
            saw=(
                Evidence("steps of an optimizer", f"0 in {fit.steps:,} backward passes; {held}", healthy="1 a batch"),
                Evidence("|Δw|/|w|", 0.0, healthy="about 1e-3"),
                fit.seen_loss,
            ),
            help=advice + ("" if made else ", with an optimizer over these parameters"),
            label=label,
            confidence=0.97,
        )


def _reset_before_the_step(signals: Signals, fit: Fit) -> Finding | None:
    """A finding where a step with a rate finds no gradients, for they are reset after the backward pass made them."""
    gradients, optimizer = fit.series("grad_norm"), fit.followed_by[-1]
    rates = fit.rates[optimizer.id].values if optimizer.id in fit.rates else np.empty(0)
    if not gradients or not (np.nanmax(gradients.values) > 0) or not rates.size or not (rates.max() > 0):
        return None
    backward, stepped = fit.objective.backward_at, optimizer.stepped_at
    reset = _reset_between(signals, backward, stepped)
    if reset is None:
        return None
    return Finding(
        rule="no-optimizer-step",
        severity="error",
        message=f"no weight changes in {fit.steps:,} steps: the gradients are reset before each step",
        where=reset,
        saw=(
            Evidence("gradient after backward", float(np.nanmax(gradients.values))),
            Evidence("|Δw|/|w|", 0.0, healthy="about 1e-3"),
            fit.seen_loss,
        ),
        help="reset the gradients before the backward pass, or after the step",
        label="throws away what the step is to use",
        confidence=0.97,
    )


def _reset_between(signals: Signals, backward: Where | None, stepped: Where | None) -> Where | None:
    """The call of zero_grad that stands between a backward pass and a step."""
    if backward is None or stepped is None or backward.file != stepped.file:
        return None
    resets = (place for _, place in signals.places.calls(backward.file, "zero_grad"))
    return next((place for place in resets if backward.line < place.line < stepped.line), None)


def _step_in_the_source(signals: Signals, backward: Where | None) -> Where | None:
    """The step of an optimizer, under the name that it was given, that stands after a backward pass and never runs."""
    optimizers = signals.run.optimizers.values()
    names = {_last(optimizer_name(signals, where)) for optimizer in optimizers for where in optimizer.made_at}
    ran = {(o.stepped_at.file, o.stepped_at.line) for o in optimizers if o.stepped_at is not None}
    for call, place in signals.places.calls(backward.file, "step") if backward is not None else ():
        stepping = _last(ast.unparse(call.func).removesuffix(".step")) in names
        if backward is not None and stepping and place.line > backward.line and (place.file, place.line) not in ran:
            return place
    return None


def _last(name: str | None) -> str:
    """The last part of a dotted name."""
    return (name or "").rpartition(".")[2]


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A step after each backward pass, a reset after each step."""
    fit, where = signals.longest, finding.where
    backward = fit.objective.backward_at
    stepped = fit.followed_by[-1].stepped_at if fit.followed_by else None
    if where is not None and stepped is not None and where == _reset_between(signals, backward, stepped):
        code = text_at(signals.run.sources, where)
        yield Change("reset the gradients after the step", (delete(where), insert_after(stepped, code)))
        return
    for optimizer in list(signals.run.optimizers.values())[-1:]:
        name = optimizer_name(signals, optimizer.made_at[0] if optimizer.made_at else None)
        if name and backward is not None:
            yield Change("step after each backward pass", (insert_after(backward, f"{name}.step()"),))
