"""What `headtorch tune` does: open the study, search, and hand on what `headtorch fix` would write."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from headtorch.model import Tuned, UserError
from headtorch.rules import all_rules
from headtorch.trials.command import Patch, backend_of, seconds
from headtorch.trials.orders import Subject
from headtorch.trials.workplace import Workplace
from headtorch.tuning.search import Budget, Search
from headtorch.tuning.study import Study, name_of


class Wanted(NamedTuple):
    """What a call of `headtorch tune` asks for."""

    subject: Subject
    runs: Path
    study: Path
    budget: Budget
    seeds: int
    jobs: int | None
    cluster: str = ""


def budget(text: str) -> Budget:
    """A time such as 60s, 10m or 2h, or a number of training steps. Raises UserError for another form."""
    if (match := re.fullmatch(r"(\d+)\s*steps?", text.strip())) is not None and int(match[1]):
        return Budget(steps=int(match[1]))
    try:
        return Budget(seconds=seconds(text))
    except UserError as error:
        raise UserError(f"{error}, or a number of steps such as '2000 steps'") from None


def tune(wanted: Wanted, say: Callable[[str], None]) -> tuple[Tuned, Patch]:
    """Search, and confirm what is best."""
    started = time.monotonic()
    script = wanted.subject.file
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no trial is left behind
    name = name_of(script, wanted.subject.arguments)
    study = Study(wanted.study, name, together=bool(wanted.cluster) or (wanted.jobs or 1) > 1)
    with Workplace(wanted.subject.folder, script) as place:
        backend, jobs = backend_of(wanted.subject, place, wanted.runs, wanted.jobs, wanted.cluster)
        search = Search(
            backend,
            place.holds,
            all_rules(),
            study,
            wanted.subject.arguments,
            wanted.budget,
            wanted.seeds,
            jobs,
            say,
        )
        try:
            found = search.run()
        finally:
            backend.close()
    tuned = Tuned(
        script=wanted.subject.script,
        settings=found.settings,
        trials=found.trials,
        stopped=found.stopped,
        steps=found.steps,
        seconds=time.monotonic() - started,
        study=str(wanted.study),
        name=name,
        tried=found.tried,
        notices=found.notices,
    )
    return tuned, Patch(found.sources, found.changed, script)
