"""The schedule of the learning rate steps before the optimizer does.

Why it fails: a scheduler sets the rate for the step that comes next, `Δwₜ = -ηₜ·gₜ`. Stepped before the optimizer's
first step, it makes `Δwₜ = -ηₜ₊₁·gₜ` of it: η₀ is never used, and each later rate comes a step of the schedule too
early. With a long schedule little is lost; the first step of a short one can be a large part of it.

Measured: how many steps a scheduler had taken by the first step of the optimizer it belongs to, and the rate of that
step against the one that the optimizer was made with. A note, whatever the loss does.

Healthy: none (derivation; the documentation of `torch.optim.lr_scheduler` asks for this order since PyTorch 1.1).

Fix: `optimizer.step()` for each batch, and after it, or at the end of the epoch, `scheduler.step()`.

Ignore it when the first rate is meant to be left out, as a warm-up that begins at 0.
"""

import ast
from collections.abc import Iterator

from headtorch.model import Evidence, Finding, Where
from headtorch.remedies import optimizer_name
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = ()


def find(signals: Signals) -> Iterator[Finding]:
    """A note for each optimizer whose schedule was one step ahead of it."""
    run = signals.run
    if run.events("grad_scaler"):
        return  # a GradScaler leaves out the optimizer's first steps, on purpose
    for event, stack in zip(run.events("scheduler"), run.stacks("scheduler"), strict=True):
        number = event.value["optimizer"]
        taken, rates = run.series("scheduled", number), run.series("learning_rate", number)
        # One step, no more: a schedule that goes on from a saved one has taken many.
        if not taken or taken.values[0].tolist() != [1.0, 1.0] or not rates:
            continue
        optimizer = run.optimizers[number]
        initial = [rate for group in optimizer.groups if isinstance(rate := group.get("initial_lr"), float)]
        meant = f"{max(initial):.3g}" if initial else None
        yield Finding(
            rule="schedule-out-of-step",
            severity="note",
            message=f"`{event.value['scheduler']}` steps before the optimizer does: its first rate is never used",
            where=_stepped(signals, stack, optimizer.stepped_at),
            saw=(
                Evidence("steps of the schedule before the optimizer's first", 1.0, healthy="0"),
                Evidence("rate of the first step", float(rates.values[0].max()), healthy=meant),
            ),
            help="step the scheduler after the optimizer",
            label="goes on to the next rate before this one is used",
            confidence=0.95,
        )


def _stepped(signals: Signals, made: tuple[Where, ...], optimizer: Where | None) -> Where | None:
    """Where the scheduler made at a place is stepped, before the optimizer; else where it is made."""
    for where in made:
        name = optimizer_name(signals, where)
        for call, place in signals.places.calls(where.file, "step"):
            if name == ast.unparse(call.func).removesuffix(".step") and (
                optimizer is None or place.line < optimizer.line
            ):
                return place
    return made[0] if made else None
