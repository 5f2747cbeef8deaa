"""Running statistics lag behind the weights they are used with.

Why it fails: in training a batch norm uses the batch's mean and deviation; in evaluation, running averages of them,
updated by `running += momentum (batch - running)`. A small momentum remembers 1 / momentum batches: more than the
training has, and the averages are still near the 0 and 1 they began with.

Measured: the momentum of each batch norm beside the number of training steps.

Fix: leave the momentum at 0.1 (in PyTorch it is the share of the new, not of the old), or train long enough for it.
"""

from collections.abc import Iterator

from headtorch.model import Change, Evidence, Finding
from headtorch.remedies import valued
from headtorch.signals import Signals

FAMILY = "training and evaluation mode"
LEADS_TO = ("overfitting", "preprocessing-mismatch")
SETTLED = 2.0  # time constants: what is left of the first values is then exp(-2), an eighth


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit that is too short for the momentum of its batch norms."""
    for fit in signals.fits:
        used = {node.layer for node in fit.network.nodes if "BatchNorm" in node.op}
        slow = [
            module
            for module in signals.run.modules.values()
            if module.name in used
            and isinstance(momentum := module.settings.get("momentum"), (int, float))
            and module.settings.get("track_running_stats")
            and 0 <= momentum * fit.steps < SETTLED
            and momentum < 0.05
        ]
        if not slow or fit.steps < 20:
            continue
        momentum = float(slow[0].settings["momentum"] or 0)
        at = slow[0].made_at
        yield Finding(
            rule="batchnorm-stats-stale",
            severity="error",
            message=f"the running statistics of {len(slow)} batch norms remember {_batches(momentum)} batches, "
            "longer than the training",
            where=signals.places.argument((at,), "momentum") if at else None,
            saw=(
                Evidence("momentum", momentum, healthy="0.01 to 0.1", layer=slow[0].name),
                Evidence("training steps", float(fit.steps), healthy=f"above {_batches(momentum)}"),
                fit.seen_loss,
            ),
            help="leave the momentum at its default of 0.1",
            label="this momentum",
            confidence=0.93,
        )


def _batches(momentum: float) -> str:
    return f"{1 / momentum:,.0f}" if momentum > 0 else "all"


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """PyTorch's own default."""
    yield from valued(finding.where, "momentum", "set the momentum of the batch norms to", (0.1,))
