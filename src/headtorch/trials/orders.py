"""What goes to the process of a trial, and what comes back from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from headtorch.model import UserError


class Hopeless(msgspec.Struct, frozen=True):
    """What a training is hopeless by, besides a loss that is no number: see `headtorch.trials.hopeless`.

    `chance` is the loss of a constant answer, where it is known; `steps` is how long the whole training takes.
    """

    steps: int
    chance: float | None = None


class Limit(msgspec.Struct, frozen=True):
    """When a run is cut short: after `steps` backward passes or `seconds`; after many losses in a row that are no
    finite number when it is `hopeless_at_nan`; when it is `Hopeless`."""

    steps: int | None = None
    seconds: float | None = None
    hopeless_at_nan: bool = False
    hopeless: Hopeless | None = None


class Subject(NamedTuple):
    """What is tried: the script as the user would run it."""

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    folder: Path

    @property
    def file(self) -> Path:
        """The file of the script, or of the module. Raises UserError for a module that is not in the folder."""
        if not self.as_module:
            return (self.folder / self.script).resolve()
        place = self.folder.joinpath(*self.script.split("."))
        for file in (place.with_name(f"{place.name}.py"), place / "__main__.py"):
            if file.is_file():
                return file.resolve()
        raise UserError(f"there is no module '{self.script}' in '{self.folder}': a trial runs a copy of this folder")


class Trial(NamedTuple):
    """One run that is wanted: the script with other texts in its files, or with another command line.

    `keep` puts the run file among the user's own; for the rest see `Order`.
    """

    sources: Mapping[str, str]
    seed: int = 0
    limit: Limit = Limit()
    keep: bool = False
    intervention: str = ""
    recorded: bool = True


class Order(msgspec.Struct, frozen=True):
    """One run of a script. `seed` is added to every seed that the script sets; 0 runs it as it is.

    `intervention` names a module of `trials/interventions/`. Where it is not `recorded` there is no run file, and
    nothing of ours takes any time.
    """

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    runs: str
    answer: str
    scratch: str
    limit: Limit
    seed: int = 0
    intervention: str = ""
    recorded: bool = True


class Errand(msgspec.Struct, frozen=True):
    """An order's file, and what its process is to be like; `environment` goes before the variables that are there."""

    order: str
    folder: str
    log: str
    environment: dict[str, str]


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

    `stopped` says why the run was cut short, if it was: "steps", "time", "nan", "diverged", "dead" or "flat". `losses`
    is the loss at a few steps. `intervened` says whether the intervention found something to change.
    """

    ending: str
    detail: str
    status: int
    run_file: str
    steps: int
    measures: tuple[Measure, ...] = ()
    stopped: str = ""
    pace: Pace | None = None
    losses: tuple[tuple[int, float], ...] = ()
    intervened: bool = False


class Ran(NamedTuple):
    """One run. `failed` is a sentence's end for one that raised or died, and empty for one that came to its end."""

    run_file: Path | None
    steps: int
    seconds: float
    measures: tuple[Measure, ...]
    failed: str
    stopped: str
    pace: Pace | None = None
    intervened: bool = False
    losses: tuple[tuple[int, float], ...] = ()


class Backend(Protocol):
    """Where trials run: in processes of this machine, or as tasks of a cluster. May be called from several threads."""

    def run(self, trial: Trial) -> Ran:
        """Run the script; returns when that has ended."""

    def close(self) -> None:
        """Kill what still runs."""
