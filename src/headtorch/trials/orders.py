"""What goes to the process of a trial, and what comes back from it."""

from __future__ import annotations

from typing import Literal

import msgspec


class Order(msgspec.Struct, frozen=True):
    """One run of a script. `seed` is added to every seed that the script sets; 0 runs it as it is.

    The run stops after `max_steps` backward passes or `max_seconds`; after many losses in a row that are no finite
    number when it is `hopeless_at_nan`. `intervention` names a module of `trials/interventions/`.
    Where it is not `recorded` there is no run file, and nothing of ours takes any time.
    """

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    runs: str
    answer: str
    scratch: str
    seed: int = 0
    max_steps: int | None = None
    max_seconds: float | None = None
    hopeless_at_nan: bool = False
    intervention: str = ""
    recorded: bool = True


class Errand(msgspec.Struct, frozen=True):
    """An order's file, and what its process is to be like."""

    order: str
    folder: str
    log: str
    python_path: str


class Measure(msgspec.Struct, frozen=True):
    """How well predictions agree with targets, at the end of a run.

    `site` counts the script's places of comparison, of one kind in one phase, in the order in which they first ran.
    `value` is None where it is no finite number; `floor` is what one constant answer reaches.
    """

    phase: Literal["held-out", "training"]
    kind: Literal["balanced accuracy", "R²"]
    site: int
    value: float | None
    floor: float
    examples: int


class Pace(msgspec.Struct, frozen=True):
    """How fast a run went: the seconds from one backward pass to the next, the median; and how many batches the data
    loader gives whose batches it trained on, where there is one."""

    step: float
    batches: int | None = None


class Answer(msgspec.Struct, frozen=True):
    """What one run brought: how it ended, the run file, and the measures, later sites last.

    `stopped` says why the run was cut short, if it was: "steps", "time" or "nan". `intervened` says whether the
    intervention found something to change.
    """

    ending: str
    detail: str
    status: int
    run_file: str
    steps: int
    measures: tuple[Measure, ...] = ()
    stopped: str = ""
    pace: Pace | None = None
    intervened: bool = False
