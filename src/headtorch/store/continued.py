"""Continued: joins the objectives that one training has for it is called from several lines, one after the other.

A step that is taken once to try it and then in a loop, a function that trains for a while and is called again: the same
backward pass, for the same losses through the same network, with the same parameters and optimizers, is the same
training as long as the calls do not take turns.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headtorch.store.records import Objective
from headtorch.store.resumed import Joined


def join_calls(
    joined: Joined, spans: Mapping[int, tuple[int, int]], optimizers: Mapping[int, frozenset[int]]
) -> Joined:
    """Join each objective to the one that it goes on from.

    `spans` and `optimizers` are of the objectives as they were recorded: the first and the last backward pass of each,
    and which optimizers step after it.
    """
    parts = dict(joined.parts)
    left: list[Objective] = []
    for objective in joined.objectives:
        key = _key(objective, parts[objective.id], optimizers)
        earlier = next((each for each in left if _key(each, parts[each.id], optimizers) == key), None)
        if earlier is None or not key[0] or not _follow(parts[earlier.id], parts[objective.id], spans):
            left.append(objective)
            continue
        left.remove(earlier)
        left.append(msgspec.structs.replace(objective, first_step=earlier.first_step))
        parts[objective.id] = (*parts.pop(earlier.id), *parts[objective.id])
    left.sort(key=lambda objective: objective.first_step)
    now = {old: number for number, each in parts.items() for old in each}
    return joined._replace(objectives=left, parts=parts, now=now)


def _follow(earlier: tuple[int, ...], later: tuple[int, ...], spans: Mapping[int, tuple[int, int]]) -> bool:
    """Whether the last of one objective's parts ends before the first of another's begins."""
    ends, begins = spans.get(earlier[-1]), spans.get(later[0])
    return ends is not None and begins is not None and ends[1] < begins[0]


def _key(
    objective: Objective, parts: tuple[int, ...], optimizers: Mapping[int, frozenset[int]]
) -> tuple[frozenset[int], object]:
    """What two objectives have in common that are one training; first the optimizers."""
    losses = [loss.name for loss in objective.losses]
    network = [node.op for node in objective.nodes]
    phase = objective.backward_at, objective.parameters, objective.reached, objective.frozen
    return optimizers.get(parts[-1], frozenset()), (phase, losses, network)
