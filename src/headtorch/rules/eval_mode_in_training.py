"""Training runs with the model in eval mode.

Why learning fails: in eval mode dropout drops nothing, and batch norm divides by its running statistics and never
updates them. Trained so, the network fits itself to statistics of weights long gone (or to the mean 0 and variance 1
they start from), and its activations drift.

Measured: the mode of every dropout and batch norm at each backward pass. A batch norm that is kept in eval mode on
purpose, with frozen or loaded weights, passes.

Fix: `model.train()` at the start of each epoch, and again after every evaluation.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding, Where
from headtorch.signals import Fit, Signals

FAMILY = "training and evaluation mode"
LEADS_TO = (
    "batchnorm-stats-stale",
    "overfitting",
    "exploding-gradients",
    "vanishing-gradients",
    "lr-too-low",
    "lr-too-high",
    "dead-relu",
    "class-imbalance",
    "capacity-too-small",
    "constant-predictions",
)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that trains with dropouts or batch norms switched to eval mode."""
    for fit in signals.fits:
        modes = [event for event in signals.run.events("mode") if event.value["objective"] == fit.objective.id]
        if not modes:
            continue
        steps = fit.series("loss").steps
        off, began, affected = 0, None, None
        for event, following in zip(modes, [*modes[1:], None], strict=True):
            end = following.step if following else int(steps[-1]) + 1
            value = event.value
            if not value["training"] and (value["dropouts_off"] or value["norms_off"]):
                off += int(((steps >= event.step) & (steps < end)).sum())
                began = event.step if began is None else began
                affected = value
        if began is None or affected is None or off < 0.5 * fit.steps:
            continue
        was_on = bool(modes[0].value["training"])
        if not was_on and _on_purpose(fit):
            continue
        norms, dropouts = affected["norms_off"], affected["dropouts_off"]
        parts = [f"{norms} batch norms"] * bool(norms) + [f"{dropouts} dropouts"] * bool(dropouts)
        yield Finding(
            rule="eval-mode-in-training",
            severity="error" if norms else "warning",
            message=f"{off:,} of {fit.steps:,} steps train in eval mode, with {' and '.join(parts)} switched off",
            where=_place(signals, fit),
            saw=(
                Evidence("steps in eval mode", f"{off / fit.steps:.0%}", healthy="0 %", steps=f"from {began}"),
                fit.seen_loss,
            ),
            help="call `model.train()` again after every evaluation"
            if was_on
            else "call `model.train()` before training",
            label="switches to eval mode, and nothing switches back" if was_on else "trains in eval mode",
            confidence=0.95 if was_on or norms else 0.8,
        )


def _on_purpose(fit: Fit) -> bool:
    """Whether a network that never was in train mode has features that were learned before: fine-tuning keeps them
    so."""
    return bool(fit.trained_before.any())


def _place(signals: Signals, fit: Fit) -> Where | None:
    at = fit.objective.backward_at
    if at is None:
        return None
    evals = [place for call, place in signals.places.calls(at.file, "eval") if not call.args]
    return evals[0] if evals else at
