"""The weights are never updated.

Why learning fails: backward fills `.grad` and changes no weight; the step does, `w ← w − lr·g`. Without one the
network stays as it was made, and the loss changes with the batches only.

Measured: the change of every weight from one backward pass to the next, and whether an optimizer stepped in between.
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

from headtorch.changes import insert_after
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import optimizer_name
from headtorch.signals import Signals

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
    """A step after each backward pass."""
    backward = signals.longest.objective.backward_at
    for optimizer in list(signals.run.optimizers.values())[-1:]:
        name = optimizer_name(signals, optimizer.made_at[0] if optimizer.made_at else None)
        if name and backward is not None:
            yield Change("step after each backward pass", (insert_after(backward, f"{name}.step()"),))
