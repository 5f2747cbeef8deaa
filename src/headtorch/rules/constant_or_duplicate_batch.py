"""The same examples are fed again and again.

Why learning fails: a network that sees two examples learns two examples. The training loss falls to nothing, and says
nothing about any other.

Measured: a mark of each example in the looked-at batches; how many different ones there are within a batch.

Fix: look at the sampler (weights are one for each example, not for each class), at the index that never advances, and
at an iterator that is made anew for every batch.
"""

import ast
from collections.abc import Iterator

import numpy as np

from headtorch.changes import replace
from headtorch.model import Change, Evidence, Finding
from headtorch.signals import Signals

FAMILY = "the data"
LEADS_TO = ("overfitting", "labels-misaligned", "leakage-or-bad-validation", "class-imbalance")
DIFFERENT = 0.3  # of a batch's examples


def find(signals: Signals) -> Iterator[Finding]:
    """A finding for each fit whose batches repeat few examples of a single class, or one batch for ever."""
    for fit in signals.fits:
        marks = fit.series("fingerprint")
        if not marks or len(marks.steps) < 20:
            continue
        sizes = np.isfinite(marks.values).sum(axis=1)
        if np.median(sizes) < 8:
            continue
        rows = [row[np.isfinite(row)] for row in marks.values[:100]]
        within = float(np.median([len(np.unique(row)) / max(len(row), 1) for row in rows]))
        overall = len(np.unique(np.concatenate(rows))) / sum(map(len, rows))
        counts = fit.series("class_count")
        one_class = bool(counts) and int((counts.values.sum(axis=0) > 0).sum()) == 1
        if within > DIFFERENT or not one_class:
            continue
        yield Finding(
            rule="constant-or-duplicate-batch",
            severity="error",
            message=f"{within:.0%} of the examples in a batch differ, and all are of one class",
            where=signals.sampler_place() or signals.loader_place() or fit.objective.backward_at,
            saw=(
                Evidence("different examples in a batch", f"{within:.0%}", healthy="near 100 %"),
                Evidence("different examples in 100 batches", f"{overall:.1%}", healthy="more"),
                fit.seen_loss,
            ),
            help="give the sampler one weight for each example; let the index advance",
            label="draws the same examples",
            confidence=0.94,
        )


def changes(finding: Finding, signals: Signals) -> Iterator[Change]:
    """A weight for each example instead of one for each class, or no sampler at all."""
    where = finding.where
    if where is None:
        return
    sets = signals.places.calls(where.file, "TensorDataset")
    labels = [ast.unparse(call.args[1]) for call, _ in sets if len(call.args) > 1]
    for call, _ in signals.places.calls(where.file, "DataLoader"):
        if call.args and any(keyword.arg == "sampler" for keyword in call.keywords):
            labels += [f"{ast.unparse(call.args[0])}.{name}" for name in ("y", "targets", "labels")]
    for call, _ in signals.places.calls(where.file, "WeightedRandomSampler"):
        weights = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "weights"), None)
        if isinstance(weights, ast.Name):
            for label in labels:
                edits = (replace(signals.places.where(where.file, weights), f"{{}}[{label}]"),)
                yield Change("give the sampler a weight for each example", edits)
    for call, _ in signals.places.calls(where.file, "DataLoader"):
        for keyword in call.keywords:
            if keyword.arg in ("sampler", "batch_sampler"):
                code = ast.unparse(call).replace(f"{keyword.arg}={ast.unparse(keyword.value)}", "shuffle=True")
                edits = (replace(signals.places.where(where.file, call), code),)
                yield Change("draw the examples in random order, without the sampler", edits)
