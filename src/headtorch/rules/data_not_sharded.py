"""Ranks of a job are given the same examples, not each a share of its own.

Why learning fails: N ranks are to see N times as many examples in a step. The gradient that they average has the
variance `Var g = σ²/(N·B)` when their batches are independent; of equal batches it is `σ²/B`, that of one process, and
N times the computing is paid for it. Where each draws from all the data in its own order, an epoch takes N times as
long, and what a step count says of it is wrong by N.

Measured: the marks of the examples in the run files of two ranks, step by step, as long as neither has met an example
twice: a mark is made of an example's numbers, so random augmentation hides it.
Silent where the script cuts one model into pieces over the ranks, which are all to see the same examples.

Healthy: no example in the first epoch of both, for a `DistributedSampler` gives each example to one rank (derivation);
it fills up the last batches with fewer examples than there are ranks. Told from 10 % on.

Fix: `sampler = DistributedSampler(data)`, given to the loader in place of `shuffle=True`, and in each epoch
`sampler.set_epoch(epoch)`. An `IterableDataset` takes its own share of the stream: `islice(stream, rank, None, ranks)`.

Ignore it when ranks train different models on the same data.
"""

from collections.abc import Iterator

import numpy as np

from headtorch.model import Evidence, Finding
from headtorch.signals import Signals, span
from headtorch.signals.ranks import CUTTING
from headtorch.store.run import Series

FAMILY = "several processes"
LEADS_TO = ()
SHARED = 0.1  # of the examples: a sampler that shares them out gives none twice in an epoch but for a handful
REPEATED = 0.01  # of a rank's own examples, met again: then its first epoch is over, or the data has doubles
ENOUGH = 32  # examples in common, which is more than a sampler fills the last batches up with
SAME = 0.9  # of the batches: the rest may be last ones of an epoch, cut otherwise


def find(signals: Signals) -> Iterator[Finding]:
    """A finding where other ranks get the same batches as this one, or the examples of its first epoch."""
    if not signals.ranks or signals.calls_any(*CUTTING):
        return
    mine = signals.longest.series("fingerprint")
    same = [(_same_batches(mine, rank.marks), rank) for rank in signals.ranks]
    shared = [(_shared_examples(mine, rank.marks), rank) for rank in signals.ranks]
    batches, one = max(same, key=lambda each: each[0], default=(0.0, None))
    examples, other = max(shared, key=lambda each: each[0], default=(0.0, None))
    here = signals.run.facts.get("rank", 0)
    if one is not None and batches >= SAME:
        message = f"ranks {here} and {one.number} are given the same batches"
        seen = Evidence("batches in common", f"{batches:.0%}", healthy="0 %", steps=span(mine.steps))
    elif other is not None and examples >= SHARED:
        message = f"ranks {here} and {other.number} are given the same examples, in another order"
        seen = Evidence("examples of the first epoch in common", f"{examples:.0%}", healthy="0 %")
    else:
        return
    yield Finding(
        rule="data-not-sharded",
        severity="error",
        message=message,
        where=signals.loader_place() or signals.order_place(signals.longest) or signals.longest.objective.backward_at,
        saw=(seen, signals.longest.seen_loss),
        help="give each rank its share: `sampler=DistributedSampler(data)` in place of `shuffle=True`",
        label="gives this rank what another gets too",
        confidence=0.95 if batches >= SAME else 0.9,
    )


def _same_batches(mine: Series, theirs: Series) -> float:
    """The share of two ranks' batches that are the same at the same step, of those that can be compared."""
    steps, here, there = np.intersect1d(mine.steps, theirs.steps, return_indices=True)
    if not len(steps) or mine.values.shape[1] != theirs.values.shape[1]:
        return 0.0
    a, b = mine.values[here], theirs.values[there]
    alike = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    examples = int(np.isfinite(a[alike]).sum())
    return float(alike.mean()) if examples >= ENOUGH else 0.0


def _shared_examples(mine: Series, theirs: Series) -> float:
    """The share of this rank's examples that another one has met too, while both are in their first epoch."""
    rows = min(_first_epoch(mine), _first_epoch(theirs))
    a, b = (np.unique(each.values[:rows][np.isfinite(each.values[:rows])]) for each in (mine, theirs))
    common = len(np.intersect1d(a, b))
    return common / len(a) if common >= ENOUGH else 0.0


def _first_epoch(marks: Series) -> int:
    """How many looked-at batches, each right after the other, hold next to no example twice."""
    met: set[float] = set()
    total = 0
    for row, (step, values) in enumerate(zip(marks.steps, marks.values, strict=True)):
        found = values[np.isfinite(values)].tolist()
        total += len(found)
        met.update(found)
        if step != marks.steps[0] + row or total - len(met) > REPEATED * total:
            return row
    return len(marks.steps)
