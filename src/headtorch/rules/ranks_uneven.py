"""Ranks of a job take different numbers of batches.

Why learning fails: `DistributedDataParallel` averages at every backward pass, and waits for all ranks there. With
`n₁ < n₂` batches an epoch the k-th pass of one rank meets the k-th of the other, out of another epoch; and when the
first has no more, the other waits until it is given up, or fails. Where averaging goes on by hand, the rank with fewer
steps counts as much in it as one with more.

Measured: the backward passes in the run files of the ranks. Told when a rank came to its end with fewer passes than
another: one that was stopped may lack them for that.

Healthy: the same number on all ranks, for there is one step of all for each (derivation). Silent where the script says
`Join`, which lets ranks end one after the other.

Fix: share the examples out evenly: `DistributedSampler` does, with `drop_last=True` or by filling up. What can't be
evened out goes into `with model.join():`, around the loop.

Ignore it when ranks train different models, or draw their own number of examples and average rarely.
"""

import ast
from collections.abc import Iterator

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals
from headtorch.signals.ranks import ENDED_WELL

FAMILY = "several processes"
LEADS_TO = ("ranks-out-of-sync",)


def find(signals: Signals) -> Iterator[Finding]:
    """A finding where a rank has come to its end with fewer batches than another."""
    facts, own = signals.run.facts, signals.longest.steps
    steps = {int(facts.get("rank", 0)): own, **{rank.number: rank.steps for rank in signals.ranks if rank.steps}}
    ended = {rank.number for rank in signals.ranks if rank.ended in ENDED_WELL}
    if facts.get("ending") in ENDED_WELL:
        ended.add(int(facts.get("rank", 0)))
    most = max(steps, key=lambda number: (steps[number], -number))
    least = min(steps.keys() & ended, key=lambda number: (steps[number], number), default=most)
    if steps[least] == steps[most] or _joined(signals):
        return
    yield Finding(
        rule="ranks-uneven",
        severity="error",
        message=f"rank {least} ends after {steps[least]:,} batches, rank {most} takes {steps[most]:,}",
        where=signals.loader_place() or signals.order_place(signals.longest) or signals.longest.objective.backward_at,
        saw=(
            Evidence("batches", f"{steps[least]:,} to {steps[most]:,}", healthy="the same on all ranks"),
            signals.longest.seen_loss,
        ),
        help="give each rank as many batches, with `DistributedSampler`; or put `with model.join():` around the loop",
        label="not as many batches on each rank",
        confidence=0.97,
    )


def _joined(signals: Signals) -> bool:
    """Whether a `with model.join()` or a `with Join(...)` lets ranks end one after the other."""
    for file in signals.run.sources:
        calls = {id(call) for call, _ in signals.places.calls(file, "join", "Join")}
        tree = signals.places.tree(file)
        for node in ast.walk(tree) if tree is not None and calls else ():
            if isinstance(node, ast.With) and any(id(item.context_expr) in calls for item in node.items):
                return True
    return False
