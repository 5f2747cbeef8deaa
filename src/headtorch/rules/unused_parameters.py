"""An optimizer holds parameters that no loss ever reaches.

Why learning fails: what the loss does not depend on has `∂L/∂w = 0`, and keeps its random values. A layer that is made
and never called was often meant to be: a skipped block, a norm or a head that `forward` forgot. It takes memory, and
`DistributedDataParallel` stops at it, for it waits for each gradient.

Measured: the trainable parameters of the optimizers that step, beside those that the losses depend on, from the graph,
and those that ever moved. Nothing is told where a part of a graph cannot be seen. A note, whatever the loss does.

Healthy: 0 parameters that no loss reaches (derivation, by the chain rule).

Fix: call the layer in `forward`, as in `x = self.norm(x)`, or do not make it.

Ignore it when layers are switched off on purpose, or are parts of a loaded model that this task does not need.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the network"
LEADS_TO = ()


def find(signals: Signals) -> Iterator[Finding]:
    """A note for each fit whose network has parameters that an optimizer holds and no loss reaches."""
    if any(objective.opaque or objective.truncated for objective in signals.run.objectives):
        return
    held = {number for o in signals.run.optimizers.values() if o.stepped_at is not None for number in o.parameters}
    told: set[int] = set()
    for fit in signals.fits:
        unused = [
            p
            for p in fit.parameters
            if p.id in held
            and p.trainable
            and p.id not in signals.reached
            and p.id not in signals.moved
            and p.id not in told
        ]
        if not unused or not fit.reached.any():
            continue
        told |= {p.id for p in unused}
        modules = [signals.run.modules[p.module] for p in unused if p.module in signals.run.modules]
        share = sum(np.prod(p.shape) for p in unused) / max(sum(np.prod(p.shape) for p in fit.parameters), 1)
        yield Finding(
            rule="unused-parameters",
            severity="note",
            message=f"no loss reaches `{unused[0].name}`" + (f" and {len(unused) - 1} more" if unused[1:] else ""),
            where=next((m.made_at for m in modules if m.made_at is not None), fit.objective.backward_at),
            saw=(
                Evidence("parameters that no loss reaches", f"{len(unused)} of {len(fit.parameters)}", healthy="0"),
                Evidence("their share of the weights", f"{share:.0%}", healthy="0 %"),
                fit.seen_loss,
            ),
            help="call this layer in `forward`, or leave it out",
            label="takes no part",
            confidence=0.9,
        )
