"""Steps accumulate past the minimum.

Why learning fails: `v ← m·v + g`, `w ← w − lr·v`: momentum m adds up the last 1 / (1 − m) gradients, ten at 0.9, a
thousand at 0.999, and under a constant gradient v grows to `g / (1 − m)`. A ball with that memory rolls through the
minimum and far up the other side; the learning rate acts as if it were 1 / (1 − m) times as large.

Measured: the momentum of the optimizer (Adam's β₁), when the loss came less than half of the way from chance to 0, or
when it is 1 or more, so that no gradient is ever forgotten and nothing comes to rest; or
as a warning, when Adam's mean of the gradients looks back farther than that of their squares, `β₁² > √β₂`, which its
proof of convergence excludes (Kingma & Ba, 2015, theorem 4.1): the two are swapped.

Healthy: 0.9; measured over 119 healthy trainings, none has more than 0.95. Sutskever et al. (2013) go to 0.99 and
above, but raise it slowly and with a rate that fits. Told from 0.98, a memory of fifty gradients.

Fix: `momentum=0.9`; or lower the learning rate by the factor that the momentum adds.

Ignore it when the momentum follows a schedule that was tuned together with the rate.
"""

from collections.abc import Iterator
from typing import Any

from headtorch.changes import set_value, text_at
from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import valued
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = ("lr-too-high", "exploding-gradients", "dead-relu", "saturated-activations", "overfitting")
HIGH = 0.98  # the last fifty gradients, five times as many as the usual 0.9; no healthy training has more than 0.95
LEARNED = 0.5  # of the way from chance to 0: 112 of 118 healthy trainings come further


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that fails to come to rest under a long memory."""
    for fit in signals.fits:
        for optimizer in fit.followed_by:
            values = [
                float(g.get(k) or 0)
                for g in optimizer.groups
                for k in ("momentum", "beta1")
                if not isinstance(g.get(k), str)
            ]
            momentum = max(values, default=0.0)
            swapped = any(_outlives(g) for g in optimizer.groups)
            stays = fit.gain < LEARNED or momentum >= 1
            if momentum < HIGH or not (stays or swapped):
                continue
            name = "momentum" if any(g.get("momentum") for g in optimizer.groups) else "betas"
            yield Finding(
                rule="momentum-too-high",
                severity="error" if stays else "warning",
                message=f"momentum {momentum:g} adds up {_last(momentum)} gradients"
                + (", more than their squares" if swapped else ""),
                where=signals.places.argument(optimizer.made_at, name, position=2 if name == "momentum" else None),
                saw=(Evidence("momentum", momentum, healthy="0.9"), fit.seen_loss),
                help="set it to 0.9",
                label="this momentum",
                confidence=0.88,
            )
            break


def _last(momentum: float) -> str:
    """The gradients that a momentum adds up, in words."""
    return f"the last {1 / (1 - momentum):,.0f}" if momentum < 1 else "all"


def _outlives(group: dict[str, Any]) -> bool:
    """Whether Adam's mean of the gradients looks back farther than that of their squares, which is to bound it."""
    first, second = group.get("beta1"), group.get("beta2")
    return first is not None and second is not None and float(first) ** 2 > float(second) ** 0.5


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """The usual 0.9; for Adam, its usual pair."""
    if finding.where is not None and "betas" in text_at(signals.run.sources, finding.where):
        yield Change("set betas to (0.9, 0.999)", (set_value(finding.where, "(0.9, 0.999)", "betas"),))
        return
    yield from valued(signals, finding.where, "momentum", "set the momentum to", (0.9, 0.0))
