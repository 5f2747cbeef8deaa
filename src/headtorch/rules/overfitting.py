"""The training loss falls while the validation loss rises.

Why it fails: a network with more freedom than the data can pin down goes on to learn the noise of the training set.
From then on each step lowers the training loss and widens the gap, `L_test = L_train + gap`: it gets better at
examples it has seen and worse at all others.

Measured: the loss on examples that were not trained on, at its best and at the end, each as a median of three
evaluations, beside the training loss without the factor that it has for backward. An evaluation on the training
examples themselves is told by their fingerprints and left out; where a state dict brings back earlier weights after the
last step, told by their lengths, the end is theirs. In the source, whether the best weights are kept as
`model.state_dict()`, which changes with the model.

Healthy: an end near the best. Measured over the 16 of 119 healthy trainings with five evaluations or more: at most
1.17 times the best in 13, and none ends both at 1.25 times its best and at three times its training loss. Told when
both are so, the best lies in the first 70 % of the evaluations, and one was below 0.95 times what a constant answer
costs: what has never held for other examples does not get lost. A rise of 1.05 is enough where the training data are
known by heart, 0.99 of the way from chance to 0, and others cost half of chance all the same, at their best too.

Fix: stop at the best held-out loss (Prechelt, 1998), `torch.save(model.state_dict(), "best.pt")` at each new best;
`nn.Dropout(0.2)`, `weight_decay=1e-4`, augmentation, more data, or a smaller network.

Ignore it when accuracy is what counts and still rises: the loss of a few sure and wrong answers can outweigh it.
"""

import ast
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from headtorch.changes import number_at, replace, set_argument, set_value
from headtorch.model import Change, Evidence, Finding, Where
from headtorch.places.aliases import live_state
from headtorch.places.trees import called
from headtorch.signals import Fit, Signals
from headtorch.store.run import Series

FAMILY = "generalisation"
LEADS_TO = ()
WORSE = 1.25  # the held-out loss at the end, over its best: 13 of 16 healthy trainings stay below 1.17
APART = 3.0  # the same over the training loss: 13 of 16 healthy trainings are below, and none exceeds both
BY_HEART = 0.99  # of the way from chance to 0, on the training data
LITTLE = 0.5  # of chance: of all that is known by heart, half holds for other examples
ABOVE = 1.05  # times its best, then: more than medians of three evaluations differ by
RISING = 0.3  # of the evaluations since the best: longer than the patience of usual early stopping
STILL_LEARNING = 0.9  # of the first tenth's training loss: else nothing is learned, the noise neither
USUAL = 0.4  # of the units: a dropout rate up to 0.5 is usual, and this one is near it
ENOUGH = 5  # evaluations: fewer show no course
HELD = 0.95  # of what a constant answer costs: above, nothing that was learned has ever held for other examples


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose held-out loss has risen for a good part of the training."""
    for fit in signals.fits:
        held_out = fit.held_out
        if held_out is None or len(held_out.steps) < ENOUGH or fit.diverged_at is not None:
            continue
        values = held_out.column().astype(float)
        medians = np.median(sliding_window_view(values, 3), axis=1)
        lowest, end = float(medians.min()), float(medians[_last(fit, held_out, len(medians))])
        best = int(np.argmin(medians)) + 1
        train = float(np.mean(fit.unscaled_losses[-len(fit.tail) :]))
        still_learning = train < STILL_LEARNING * float(np.mean(fit.unscaled_losses[: max(1, fit.steps // 10)]))
        rising_for = 1 - (best + 1) / len(values)
        chance = fit.held_out_chance or np.inf
        by_heart = fit.gain > BY_HEART and end > LITTLE * chance
        if not (by_heart or values.min() < HELD * chance):
            continue
        rose = end > (ABOVE if by_heart else WORSE) * lowest > 0
        if not (rose and end > APART * train and still_learning and rising_for > RISING):
            continue
        live = signals.first_slip(live_state)
        yield Finding(
            rule="overfitting",
            severity="warning",
            message=f"the held-out loss rose from {lowest:.3g} to {end:.3g} "
            f"while the training loss fell to {train:.3g}",
            where=live or _loop(signals, fit),
            saw=(
                Evidence(
                    "held-out loss",
                    f"{lowest:.3g} to {end:.3g}",
                    steps=f"{int(held_out.steps[best])}-{int(held_out.steps[-1])}",
                    curve=tuple(values[:: max(1, len(values) // 20)].tolist()),
                ),
                Evidence("training loss", f"{fit.unscaled_losses[0]:.3g} to {train:.3g}", curve=fit.curve()),
                Evidence("best at", f"{(best + 1) / len(values):.0%} of the training"),
            ),
            help="keep a copy of the best weights, `copy.deepcopy(model.state_dict())`: what is kept here changes with "
            "each step"
            if live is not None
            else f"stop at step {int(held_out.steps[best])}; or add dropout or weight decay, or use a smaller network",
            label="goes on past the best held-out loss" if live is None else "not a copy of the best weights",
            confidence=0.6 if by_heart else 0.8 if live is None else 0.95,
        )


def _last(fit: Fit, held_out: Series, medians: int) -> int:
    """The median that tells of the weights which are kept: the last one, unless earlier weights were brought back."""
    if fit.restored_from is None:
        return medians - 1
    return min(max(int(np.abs(held_out.steps - fit.restored_from).argmin()) - 1, 0), medians - 1)


def _loop(signals: Signals, fit: Fit) -> Where | None:
    """The loop over the epochs, which went on too long; else the backward pass."""
    backward = fit.objective.backward_at
    return None if backward is None else signals.places.loop_around(backward) or backward


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """Fewer epochs, dropout where there is a rate for it, weight decay."""
    where = finding.where
    if where is None:
        return
    if where == signals.first_slip(live_state):
        for kept in signals.places.nodes_at(where, ast.Assign):
            place = signals.places.where(where.file, kept.value)
            yield Change("keep a copy of the best weights", (replace(place, "__import__('copy').deepcopy({})"),))
    for _, place in signals.places.calls(where.file, "Dropout"):
        at = signals.places.argument((place,), "p", position=0)
        rate = number_at(signals.run.sources, at) if at is not None else None
        if at is not None and rate is not None and rate < USUAL:
            for value in ("0.5", "0.3"):
                yield Change(f"raise the dropout rate to {value}", (set_value(at, value, "p"),), knob="p")
            break
    call = signals.places.call_at(where)
    for argument in call.args[-1:] if call is not None and called(call) == "range" else ():
        place = signals.places.written(where.file, argument, (where,)) or signals.places.where(where.file, argument)
        epochs = number_at(signals.run.sources, place)
        for share in (0.3, 0.1, 0.03) if epochs else ():
            few = max(1, round((epochs or 0) * share))
            yield Change(f"stop after {few} epochs", (set_value(place, str(few)),), knob="epochs")
    for optimizer in signals.longest.followed_by[-1:]:
        for decay in ("0.01", "0.1") if optimizer.made_at else ():
            edits = (set_argument(optimizer.made_at[0], "weight_decay", decay),)
            yield Change(f"set the weight decay to {decay}", edits, knob="weight_decay")
