"""The number format swallows the updates.

Why learning stops: bfloat16 keeps 8 bits of a number. Adding 0.001 to 1 gives 1: an update below 1/256 of a weight is
rounded away, however often it is repeated.

Measured: steps that leave the weights exactly as they were although their gradients are not 0, and the weights' format.

Fix: keep the weights (and the optimizer's state) in float32, and compute in half precision with autocast.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the step"
LEADS_TO = (
    "lr-too-low",
    "vanishing-gradients",
    "capacity-too-small",
    "no-optimizer-step",
    "constant-predictions",
)
HALVES = ("float16", "bfloat16")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit with weights in half precision that learns little."""
    for fit in signals.fits:
        half = [p for p in fit.parameters if p.dtype in HALVES]
        if not half or not fit.gain < 0.6 or fit.diverged_at is not None or not fit.updates.size:
            continue
        still = float(np.mean(fit.updates == 0))
        usual = fit.usual_update
        if still < 0.1 and usual > 2**-8:
            continue
        yield Finding(
            rule="precision-too-low",
            severity="error",
            message=f"{len(half)} weights are {half[0].dtype}, and updates of {usual:.1e} of their size "
            "are rounded away",
            where=signals.set_attributes_place("bfloat16", "half", "to") or fit.objective.backward_at,
            saw=(
                Evidence("|Δw|/|w|", usual, healthy="above 1/256, what bfloat16 can tell apart"),
                Evidence("steps that leave a weight as it was", f"{still:.0%}", healthy="0 %"),
                fit.seen_loss,
            ),
            help="keep the weights in float32 and use `torch.autocast` for the computation",
            label="in half precision",
            confidence=0.86,
        )
