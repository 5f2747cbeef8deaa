"""Resumed: joins what a run that was resumed trained on, so that it reads as one training.

Each process that appends to a run file numbers what it meets on from where the last one stopped. A training goes on
where a later objective has parameters of the same names and shapes, and the same losses; then it takes the place of the
earlier one, and begins where that began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from headtorch.store.records import Module, Objective, Optimizer, Parameter


class Resume(msgspec.Struct, frozen=True):
    """One resume: the number of backward passes before it, when it began, and when and how the process before it ended.

    Numbers of objectives, parameters, modules and optimizers from `number` on are those of the process that resumed.
    """

    step: int
    number: int
    began: float
    ended: float
    ending: str


class Joined(NamedTuple):
    """The records of a run as one training. `parts` are the objectives of each joined one, in order; `now` is the one
    that an earlier one goes on as; `first` is what a parameter was before any resume."""

    objectives: list[Objective]
    parameters: dict[int, Parameter]
    optimizers: dict[int, Optimizer]
    modules: dict[int, Module]
    parts: dict[int, tuple[int, ...]]
    now: dict[int, int]
    first: dict[int, int]


def join(
    resumes: Sequence[Resume],
    objectives: Mapping[int, Objective],
    parameters: dict[int, Parameter],
    optimizers: dict[int, Optimizer],
    modules: dict[int, Module],
) -> Joined:
    """Join what was trained on after each resume."""
    parts: dict[int, tuple[int, ...]] = {number: (number,) for number in objectives}
    first = {number: number for number in parameters}
    gone: set[int] = set()  # parameters that others stand for
    ends = [resume.number for resume in resumes[1:]] + [max(objectives, default=0) + 1]
    for resume, end in zip(resumes, ends, strict=False):
        for objective in [each for number, each in objectives.items() if resume.number <= number < end]:
            earlier = _earlier(objective, [objectives[n] for n in parts if n < resume.number], parameters)
            if earlier is None:
                continue
            parts[objective.id] = (*parts.pop(earlier.id), objective.id)
            for old, new in zip(earlier.parameters, objective.parameters, strict=True):
                if old in parameters and new in parameters:
                    first[new] = first[old]
                    gone.add(old)
    for new, old in first.items():
        parameters[new] = msgspec.structs.replace(parameters[new], loaded=parameters[old].loaded)
    found = [
        msgspec.structs.replace(objectives[number], first_step=objectives[joined[0]].first_step)
        for number, joined in parts.items()
    ]
    return Joined(
        objectives=sorted(found, key=lambda objective: objective.first_step),
        parameters={number: each for number, each in parameters.items() if number not in gone},
        optimizers={n: each for n, each in optimizers.items() if not each.parameters or set(each.parameters) - gone},
        modules=_without(modules, gone),
        parts=parts,
        now={old: number for number, joined in parts.items() for old in joined},
        first=first,
    )


def _earlier(
    objective: Objective, candidates: Sequence[Objective], parameters: Mapping[int, Parameter]
) -> Objective | None:
    """Which of these a later objective goes on from; of several, the one on the same line, or else the first."""
    wanted = _shape(objective, parameters)
    alike = [each for each in candidates if wanted[0] and _shape(each, parameters) == wanted]
    return next((each for each in alike if each.backward_at == objective.backward_at), alike[0] if alike else None)


def _shape(objective: Objective, parameters: Mapping[int, Parameter]) -> tuple[list[object], list[str]]:
    known = [parameters.get(number) for number in objective.parameters]
    return [each and (each.name, each.shape) for each in known], [loss.name for loss in objective.losses]


def _without(modules: Mapping[int, Module], gone: set[int]) -> dict[int, Module]:
    """The modules without the networks that hold any of the parameters."""

    def top(module: Module) -> int:
        seen = {module.id}
        while module.parent is not None and module.parent in modules and module.parent not in seen:
            module = modules[module.parent]
            seen.add(module.id)
        return module.id

    networks = {number: top(module) for number, module in modules.items()}
    left = {networks[number] for number, module in modules.items() if gone & set(module.parameters)}
    return {number: module for number, module in modules.items() if networks[number] not in left}
