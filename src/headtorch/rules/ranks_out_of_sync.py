"""The weights of a job's ranks, which should be equal at every step, drift apart.

Why learning fails: each rank sees a share of the data. The step of the whole is `w ← w − lr·(1/N) Σᵢ gᵢ`: only when the
gradients of all N ranks are averaged before each step does every copy learn from all of the data. Otherwise N models
are trained, each on its share, and the one that rank 0 saves has never seen the rest.

Measured: the length of each weight in the run files of all ranks, at the steps that both looked at: in the second half
they never come together again. Silent where the script cuts one model into pieces over the ranks.

Healthy: a difference of 0 % at every step, for what begins equal and takes equal steps stays equal (derivation). Told
from 0.01 % on, which rounding does not bring about.

Fix: `model = DistributedDataParallel(model)`, and call that, not the model in it. By hand: begin with the weights of
rank 0, and `dist.all_reduce(p.grad, op=dist.ReduceOp.AVG)` before each step.

Ignore it when each rank is to train a model of its own, as in a search of several at once, or when weights are averaged
now and then on purpose.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding, Where
from headtorch.signals import Rank, Signals, thin
from headtorch.signals.ranks import CUTTING

FAMILY = "several processes"
LEADS_TO = (
    "overfitting",
    "leakage-or-bad-validation",
    "data-not-shuffled",
    "labels-misaligned",
    "class-imbalance",
    "preprocessing-mismatch",
    "capacity-too-small",
)
APART = 1e-4  # of their length: float32 rounds at 6e-8, so this takes 1,600 steps of rounding all one way
ENOUGH = 4  # looked-at steps, so that the second half is more than one
SHARDING = ("FullyShardedDataParallel", "FSDP", "fully_shard")


def find(signals: Signals) -> Iterator[Finding]:
    """A finding where the ranks of a job train copies of one network, each for itself."""
    drifting = [rank for rank in signals.ranks if _nearest(rank) > APART]
    if not drifting or _cut_into_pieces(signals):
        return
    most = max(drifting, key=_nearest)
    apart = most.apart.column()
    begin = "begin equal and " if apart[0] <= APART else ""
    yield Finding(
        rule="ranks-out-of-sync",
        severity="error",
        message=f"the weights of {len(drifting) + 1} of {len(signals.ranks) + 1} ranks {begin}drift apart",
        where=_place(signals),
        saw=(
            Evidence(
                "difference of their weights' lengths", f"{apart[-1]:.2g}", healthy="0", curve=thin(apart, points=20)
            ),
            signals.longest.seen_loss,
        ),
        help="wrap the model in `DistributedDataParallel` and call that, so that the ranks average their gradients",
        label="trained by each rank for itself",
        confidence=0.95,
    )


def _nearest(rank: Rank) -> float:
    """How far its weights stay apart from this rank's in the second half, where they are nearest."""
    apart = rank.apart.column()
    return float(np.nan_to_num(apart[len(apart) // 2 :]).min()) if len(apart) >= ENOUGH else 0.0


def _cut_into_pieces(signals: Signals) -> bool:
    """Whether ranks hold different pieces of one model, which are not to be equal."""
    kinds = {module.kind for module in signals.run.modules.values()}
    return any(kind in SHARDING or kind.startswith("FSDP") for kind in kinds) or signals.calls_any(*SHARDING, *CUTTING)


def _place(signals: Signals) -> Where | None:
    """Where the model is made that nothing wraps; where the model inside a wrapper is called past it."""
    wrapped = signals.calls_any("DistributedDataParallel", "DDP")
    fit = signals.longest
    for number in fit.objective.roots:
        module = signals.run.modules.get(number)
        if module is not None and wrapped and module.called_at is not None:
            return signals.places.callee(module.called_at) or module.called_at
        if module is not None and not wrapped and module.made_at is not None:
            return module.made_at
    return fit.objective.backward_at
