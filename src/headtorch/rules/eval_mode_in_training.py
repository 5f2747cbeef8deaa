"""Training runs with the model in eval mode.

Why learning fails: in eval mode dropout drops nothing, and batch norm computes `x̂ = (x − r_μ) / √(r_σ² + ε)` with
running statistics that it never updates. Trained so, the network fits itself to the statistics of weights long gone,
or to the mean 0 and variance 1 they start from: nothing is normalised any more, and its activations drift.

Measured: the mode of every dropout and batch norm at each backward pass; of a network in training mode, whether all of
its batch norms are in eval mode though nothing was loaded, and it learns less than half of the way.

Healthy: no step in eval mode, for the two modes exist to differ (derivation; Ioffe & Szegedy, 2015). Told from half
of the steps on: that is beyond a few odd ones. A network that was in eval mode from the start and has loaded or
trained weights passes: fine-tuning often keeps it so.

Fix: `model.train()` at the start of each epoch, and again after every evaluation: `model.eval()` holds until it is
taken back.

Ignore it when the statistics of a network with weights of your own making are frozen on purpose.
"""

import ast
from collections.abc import Iterator, Mapping

from headtorch.model import Change, Evidence, Finding, Where
from headtorch.remedies import at_each_epoch, network_name
from headtorch.signals import Fit, Signals

FAMILY = "training and evaluation mode"
LEADS_TO = (
    "batchnorm-stats-stale",
    "overfitting",
    "exploding-gradients",
    "vanishing-gradients",
    "no-skip-too-deep",
    "lr-too-low",
    "lr-too-high",
    "dead-relu",
    "class-imbalance",
    "capacity-too-small",
)
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further
MOST = 0.5  # of the steps: where it is the rule, and not the exception of a few batches


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
            alone = value["training"] and _norms_are_off_for_nothing(fit, value)
            if alone or (not value["training"] and (value["dropouts_off"] or value["norms_off"])):
                off += int(((steps >= event.step) & (steps < end)).sum())
                began = event.step if began is None else began
                affected = value
        if began is None or affected is None or off < MOST * fit.steps:
            continue
        was_on = bool(modes[0].value["training"])
        if not was_on and _on_purpose(fit):
            continue
        label = "trains in eval mode"
        if affected["training"]:
            advice = "leave the batch norms in training mode: their statistics are those they were made with"
        elif was_on:
            advice = "call `model.train()` again after every evaluation"
            label = "switches to eval mode, and nothing switches back"
        else:
            advice = "call `model.train()` before training; in Keras, `model(x, training=True)`"
        norms, dropouts = affected["norms_off"], 0 if affected["training"] else affected["dropouts_off"]
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
            help=advice,
            label=label,
            confidence=0.95 if was_on or norms else 0.8,
        )


def _norms_are_off_for_nothing(fit: Fit, mode: Mapping[str, int]) -> bool:
    """Whether all batch norms of a network that trains from the start, and learns little, keep the statistics they were
    made with: mean 0 and variance 1 normalise nothing."""
    all_off = mode["norms_off"] == mode["norms"] > 0
    return all_off and not fit.trained_before.any() and fit.gain < LEARNED


def _on_purpose(fit: Fit) -> bool:
    """Whether a network that never was in train mode has features that were learned before: fine-tuning keeps them
    so."""
    return bool(fit.trained_before.any())


def _place(signals: Signals, fit: Fit) -> Where | None:
    at = fit.objective.backward_at
    if at is None:
        return None
    evals = [place for call, place in signals.places.calls(at.file, "eval") if not call.args]
    evals = evals or list(_untrained_calls(signals, at.file))
    # The first before the training; one after it can be meant for another pass of a loop around both.
    return min(evals, key=lambda place: (place.line > at.line, place.line), default=at)


def _untrained_calls(signals: Signals, file: str) -> Iterator[Where]:
    """Where a file says that a layer of Keras is not called in order to train."""
    tree = signals.places.tree(file)
    for node in ast.walk(tree) if tree is not None else ():
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            values = [word.value for word in node.keywords if word.arg == "training"]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            values = [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "training"]
        for value in values:
            if isinstance(value, ast.Constant) and value.value is False:
                yield signals.places.where(file, value)


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Training mode again where training goes on."""
    fit = signals.longest
    name = network_name(signals, fit)
    for edits in at_each_epoch(signals, fit, f"{name}.train()") if name else ():
        yield Change("switch back to training mode after each evaluation", edits)
