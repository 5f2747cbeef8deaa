"""Ranks: what the other processes of a job did differently from this one, read from their run files one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from headtorch.model import UserError
from headtorch.signals.fit import Fit
from headtorch.store.ranks import other_ranks
from headtorch.store.run import Run, Series

ENDED_WELL = ("finished", "exit")
# What cuts one model into pieces, of which each rank holds its own and all are given the same examples.
CUTTING = (
    "parallelize_module",
    "distribute_tensor",
    "distribute_module",
    "init_device_mesh",
    "DeviceMesh",
    "PipelineStage",
    "build_stage",
    "ColumnParallelLinear",
    "RowParallelLinear",
)


class Rank(NamedTuple):
    """Another rank beside this one.

    `steps` are its backward passes for the same objective, 0 where it has none; `ended` is how its script ended (""
    while it runs), `marks` are the fingerprints of its batches. `apart` is how far the lengths of its weights are from
    this rank's, as a share of the longest, at each step that both looked at; empty where the two train networks of
    different form, or each holds a part.
    """

    number: int
    steps: int
    ended: str
    marks: Series
    apart: Series


def others(run: Run, fit: Fit | None) -> Iterator[Rank]:
    """What can be read of the other ranks of a run's job, beside one of its fits."""
    for number, path in other_ranks(run).items():
        try:
            other = Run(path)
        except UserError:
            continue
        try:
            yield _beside(fit, number, other)
        except UserError:
            continue
        finally:
            other.close()


def _beside(fit: Fit | None, number: int, other: Run) -> Rank:
    ended, nothing = str(other.facts.get("ending", "")), other.series("")
    fits = (Fit(other, objective, ()) for objective in other.objectives)
    theirs = next((each for each in fits if fit is not None and each.objective.id == fit.objective.id), None)
    if fit is None or theirs is None:
        return Rank(number, 0, ended, nothing, nothing)
    return Rank(number, theirs.steps, ended, theirs.series("fingerprint"), _apart(fit, theirs))


def _apart(fit: Fit, other: Fit) -> Series:
    mine, theirs = fit.series("weight_norm"), other.series("weight_norm")
    forms = [[(parameter.name, parameter.shape) for parameter in each.parameters] for each in (fit, other)]
    steps, here, there = np.intersect1d(mine.steps, theirs.steps, return_indices=True)
    if (
        forms[0] != forms[1]
        or any(parameter.sharded for parameter in fit.parameters)
        or mine.values.shape[1] != theirs.values.shape[1]
    ):
        steps, here, there = steps[:0], here[:0], there[:0]
    a, b = mine.values[here], theirs.values[there]
    longest = np.maximum(np.max(a, axis=1, initial=0.0), np.finfo(np.float32).tiny)
    return Series(steps, (np.max(np.abs(a - b), axis=1, initial=0.0) / longest)[:, None])
