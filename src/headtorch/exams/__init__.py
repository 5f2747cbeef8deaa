"""Exams: what can be asked of a training script before hours are spent on it, in a few hundred steps.

An exam is one module here. STEPS backward passes are made under the INTERVENTION of that name; without one they are
not recorded, and of no steps the plain run of the script serves. `judge` says what came of it, under its TITLE.
"""

from __future__ import annotations

import pkgutil
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from headtorch.model import Checkup, Examined, UserError
from headtorch.signals import Fit, Signals
from headtorch.store.run import Run
from headtorch.trials.orders import Limit, Ran, Subject, Trial
from headtorch.trials.runner import Runner
from headtorch.trials.workplace import Workplace

PLAIN_STEPS = 60
PATIENCE = 600.0  # seconds for one run


class Training(NamedTuple):
    """A short run of the script, what was recorded of it, and the fit in it that has the most steps."""

    ran: Ran
    signals: Signals | None
    fit: Fit | None


def checkup(subject: Subject, say: Callable[[str], None]) -> Checkup:
    """Examine a script. Raises UserError where it cannot be run, or trains nothing."""
    started = time.monotonic()
    script = subject.file
    examined: list[Examined] = []
    open_runs: list[Run] = []
    steps = 0
    with Workplace(subject.folder, script) as place:
        runner = Runner(subject, place, place.scratch / "kept", 1)

        def taken(intervention: str, most: int, *, recorded: bool = True) -> Training:
            nonlocal steps
            limit = Limit(steps=most, seconds=PATIENCE)
            ran = runner.run(Trial({}, limit=limit, intervention=intervention, recorded=recorded))
            if ran.failed and not intervention:
                raise UserError(f"nothing to examine: the script {_ending(ran)}")
            steps += ran.steps
            if ran.run_file is None:
                return Training(ran, None, None)
            run = Run(ran.run_file)
            open_runs.append(run)
            signals = Signals(run)
            return Training(ran, signals, max(signals.fits, key=lambda fit: fit.steps, default=None))

        try:
            say(f"{PLAIN_STEPS} steps of the script as it is")
            plain = taken("", PLAIN_STEPS)
            if plain.fit is None:
                raise UserError(f"nothing to examine: no training was seen in '{subject.script}'")
            for exam in _exams():
                if exam.INTERVENTION and _faulty(examined):
                    examined.append(Examined(exam.TITLE, "open", "waits until the fault above is mended"))
                    continue
                own = plain
                if exam.STEPS:
                    say(f"{exam.STEPS} steps: {exam.TITLE}")
                    own = taken(exam.INTERVENTION, exam.STEPS, recorded=bool(exam.INTERVENTION))
                examined.append(exam.judge(plain, own))
        finally:
            runner.close()
            for run in open_runs:
                run.close()
    return Checkup(subject.script, tuple(examined), steps, time.monotonic() - started)


def _exams() -> list[ModuleType]:
    return [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]


def _faulty(examined: list[Examined]) -> bool:
    """Whether a fault is certain: what trainings under it would show is not the fault of what they examine."""
    from headtorch.exams import certain_faults

    return any(each.title == certain_faults.TITLE and each.state == "fails" for each in examined)


def _ending(ran: Ran) -> str:
    return ran.failed if ran.failed.startswith("died") else f"ends with {ran.failed}"


def short(path: str) -> str:
    """The name of a file without its folders."""
    return Path(path).name
