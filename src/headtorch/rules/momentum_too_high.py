"""Steps accumulate past the minimum.

Why learning fails: momentum m adds up the last 1 / (1 - m) gradients: ten at 0.9, a thousand at 0.999. A ball with that
memory rolls through the minimum and far up the other side; the learning rate acts as if it were 1 / (1 - m) times as
large.

Measured: the momentum of the optimizer, and a loss that swings in long waves or ends high.

Fix: 0.9; or lower the learning rate by the factor that the momentum adds.
"""

from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-high",
    "exploding-gradients",
    "dead-relu",
    "saturated-activations",
    "overfitting",
    "constant-predictions",
)
HIGH = 0.98  # the last fifty gradients


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
            if momentum < HIGH or not (fit.gain < 0.5):
                continue
            name = "momentum" if any(g.get("momentum") for g in optimizer.groups) else "betas"
            yield Finding(
                rule="momentum-too-high",
                severity="error",
                message=f"momentum {momentum:g} adds up the last {1 / max(1 - momentum, 1e-9):,.0f} gradients",
                where=signals.places.argument(optimizer.made_at, name, position=2 if name == "momentum" else None),
                saw=(Evidence("momentum", momentum, healthy="0.9"), fit.seen_loss),
                help="set it to 0.9",
                label="this momentum",
                confidence=0.88,
            )
            break
