"""Search: trials of other numbers until the budget is used up, and the best of them confirmed on fresh seeds.

The script as it is comes first, then what the diagnosis proposes, before or after a range test of the learning rate,
then what the sampler draws: the learning rate alone for a few trials, then the next knob with it, and so on, beginning
each time from the best values so far. What is hopeless stops at once. What won on the first seed is compared with the
script as it is on others.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from headtorch import changes
from headtorch.diagnose import diagnose
from headtorch.model import COMMAND_LINE, Change, Setting, Tried, UserError
from headtorch.rules import Rule
from headtorch.signals import Signals
from headtorch.store.run import Run
from headtorch.trials.interventions import SWEEP
from headtorch.trials.orders import Backend, Hopeless, Limit, Ran, Trial
from headtorch.trials.pairs import Pairs, Version, failing, told
from headtorch.trials.verdict import Pair, compare
from headtorch.trials.workplace import decode
from headtorch.tuning import knobs as all_knobs
from headtorch.tuning.beginnings import Losses, Values, beginning
from headtorch.tuning.knobs import Knob, changed
from headtorch.tuning.knobs.learning_rate import NAME as RATE
from headtorch.tuning.options import given
from headtorch.tuning.study import Asked, Known, Study, value_of

SHARE_OF_A_RUN = 10  # of the budget is what one run may take at most
PATIENCE, LEAST_PATIENCE = 10, 60.0  # times the run as it is, and seconds
A_KNOB = 5  # trials, before the next one is searched too
NO_BETTER = 0.005  # of accuracy or R²: of values this close, those that change fewer numbers are taken
ALL = 0.999  # of what was missing: nothing is left to search for
FINALISTS = 3  # are confirmed at most


class Budget(NamedTuple):
    """What may be spent, in seconds or in training steps."""

    seconds: float | None = None
    steps: int | None = None


class Found(NamedTuple):
    """What came of a search."""

    settings: tuple[Setting, ...]
    tried: Tried
    stopped: dict[str, int]
    trials: int
    steps: int
    sources: Mapping[str, str]
    changed: Mapping[str, str]
    notices: tuple[str, ...]


class OutOfBudgetError(Exception):
    """Nothing more may be run."""


class Counted:
    """A backend that counts the steps of what it runs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.steps = 0

    def run(self, trial: Trial) -> Ran:
        """Run the script."""
        ran = self._backend.run(trial)
        self.steps += ran.steps
        return ran

    def close(self) -> None:
        """Kill what still runs."""
        self._backend.close()


class Search:
    """One call of `headtorch tune`. `enough` says of a pair that nothing better need be searched for."""

    def __init__(
        self,
        backend: Backend,
        holds: Callable[[str], bool],
        rules: tuple[Rule, ...],
        study: Study,
        arguments: tuple[str, ...],
        budget: Budget,
        seeds: int,
        jobs: int,
        say: Callable[[str], None],
        enough: Callable[[Pair], bool] = lambda pair: pair.clear and pair.gain >= ALL,
    ) -> None:
        self._backend = Counted(backend)
        self._holds = holds
        self._rules = rules
        self._study = study
        self._arguments = arguments
        self._budget = budget
        self._seeds = seeds
        self._jobs = jobs
        self._say = say
        self._enough = enough
        self._started = time.monotonic()
        self._notices: list[str] = []
        self._stopped: dict[str, int] = {}
        self._trials = 0
        self._first: list[Values] = []
        self._is_swept = False
        self.originals: dict[str, str] = {}
        self.knobs: list[Knob] = []
        self.ranges: list[Knob] = []  # the knobs as they were before a range test

    def run(self) -> Found:
        """Search, and confirm the best. An interruption or the end of the budget keeps what is known so far."""
        try:
            self.explore()
        except KeyboardInterrupt:
            self._backend.close()
            if not self.knobs:
                raise UserError("stopped before a trial had been made; nothing was changed") from None
            self._say("stopped")
            return self._found(self._tried(None, [], "stopped before anything was confirmed"), {})
        return self._confirmed()

    def explore(self) -> bool:
        """Search; whether enough was found before the budget was used up."""
        self._as_it_is()
        if self._study.go_on() or len(self._study):
            self._say(f"going on with a study of {len(self._study)} trials in '{self._study.file}'")
        self._study.begin(self._first)
        if not self._is_swept:
            self._search(len(self._first))
            if not self._enough_found():
                self._know(self._swept())
                self._study.begin(self._first)
        self._search()
        return self._enough_found()

    @property
    def steps(self) -> int:
        """The training steps that all runs took so far."""
        return self._backend.steps

    # ---- the script as it is --------------------------------------------------------------------------------------

    def _as_it_is(self) -> None:
        """Run it, diagnose it, and find its knobs."""
        self._say("running the script as it is")
        seconds = None if self._budget.seconds is None else self._budget.seconds / SHARE_OF_A_RUN
        steps = None if self._budget.steps is None else max(1, self._budget.steps // SHARE_OF_A_RUN)
        if self._study.steps is not None:
            seconds, steps = None, self._study.steps
        ran = self._backend.run(Trial({}, limit=Limit(steps, seconds), keep=True))
        if ran.run_file is None or (ran.failed and not ran.steps):
            raise UserError(f"nothing to tune: the script {failing(ran)}")
        self.before, self._steps = ran, ran.steps if ran.stopped else None
        if self._steps is not None:
            self._study.steps = self._steps
        self._report, sources = diagnose(ran.run_file, self._rules)
        self.originals = {f: decode(Path(f)) for f in sources if self._holds(f) and Path(f).is_file()}
        self.originals[COMMAND_LINE] = shlex.join(self._arguments)
        self._know(None)
        if not any(RATE in values for values in self._first):  # else to try these takes fewer steps
            self._know(self._swept())
        if self._other_hands:
            names = ", ".join(self._other_hands)
            self._notices.append(f"no number cures {names}: let `headtorch fix` try that before you tune")
        self._say(f"{', '.join(knob.name for knob in self.knobs)}: {len(self._first)} values to begin with")

    def _know(self, swept: Losses | None) -> None:
        """Find the knobs, and what the diagnosis and a range test say of them."""
        assert self.before.run_file is not None
        run = Run(self.before.run_file)
        try:
            signals = Signals(run)
            if not signals.fits:
                raise UserError("nothing to tune: no training was seen in the script")
            found = [knob for knob in (given(k, signals) for k in all_knobs.find(signals)) if self._can_edit(knob)]
            known = beginning(found, self._report.findings, signals, swept)
            if not known.knobs:
                raise UserError("nothing to tune: no learning rate, batch size or other number to search was found")
            self.knobs, self._first, self._other_hands = known
            wide = {knob.name: knob for knob in found}
            self.ranges = [wide.get(knob.name, knob) for knob in self.knobs]
            # Of several losses each has its own course; together they would look like a sick one.
            alone = signals.longest if len(signals.fits) == 1 else None
            self._hopeless = None if alone is None else Hopeless(alone.steps, alone.chance)
        finally:
            run.close()

    def _can_edit(self, knob: Knob) -> bool:
        try:
            changes.apply(self.originals, knob.edits(knob.rounded(knob.high if knob.high != knob.value else knob.low)))
        except changes.CannotEditError:
            return False
        return True

    def _swept(self) -> Losses | None:
        """The losses of a short run whose learning rate grows from step to step; None where none is searched."""
        self._is_swept = True
        if not any(knob.name == RATE for knob in self.knobs):
            return None
        self._say("looking for the range of the learning rate")
        ran = self._backend.run(Trial({}, limit=Limit(SWEEP, self._patience()), intervention="sweep"))
        if ran.run_file is None or not ran.intervened:
            return None
        run = Run(ran.run_file)
        try:
            fit = max(Signals(run).fits, key=lambda fit: fit.steps, default=None)
            return fit.losses if fit is not None else None
        finally:
            run.close()

    # ---- trials ---------------------------------------------------------------------------------------------------

    def _search(self, most: float = math.inf) -> None:
        """Ask, run and tell, as many at once as there may be, until the study has `most` trials."""
        running: dict[Future[Ran], Asked] = {}
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                while True:
                    left = 0 if self._enough_found() else most - len(self._study)
                    while len(running) < min(self._jobs, left) and self._affords(len(running) + 1):
                        asked = self._study.ask(self.knobs, self._searched(), self._base())
                        running[pool.submit(self._tried_out, asked)] = asked
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._learn(running.pop(future), future.result())
            except BaseException:
                self._backend.close()
                raise

    def _tried_out(self, asked: Asked) -> Ran:
        limit = Limit(self._steps, self._patience(), hopeless_at_nan=True, hopeless=self._hopeless)
        return self._backend.run(Trial(self.texts(asked.values), limit=limit))

    def _learn(self, asked: Asked, ran: Ran) -> None:
        """Compare a trial with the script as it is, and keep what it shows."""
        self._trials += 1
        hopeless = ran.stopped not in ("", "steps")
        pair = None if ran.failed or hopeless else compare(self.before, ran)
        known = list(self._study.known())
        if pair is not None and known and known[0].pair.measure != pair.measure:
            pair = None
        self._study.tell(asked, ran, pair)
        if ran.failed:
            self._stopped["failed"] = self._stopped.get("failed", 0) + 1
            became = f"the script {failing(ran)}"
        elif hopeless:
            self._stopped[ran.stopped] = self._stopped.get(ran.stopped, 0) + 1
            became = f"stopped after {ran.steps:,} steps: {ran.stopped}"
        else:
            became = "no measure to compare by" if pair is None else f"{pair.measure} {pair.after:.4g}"
        wanted = ", ".join(f"{name} {value:.6g}" for name, value in asked.values.items()) or "as it is"
        self._say(f"trial {asked.number + 1}: {wanted}: {became}")

    def _searched(self) -> list[str]:
        """The knobs that are searched now: one more every few trials."""
        return [knob.name for knob in self.knobs[: 1 + max(0, len(self._study) - len(self._first)) // A_KNOB]]

    def _base(self) -> Values:
        """The best values so far."""
        return dict(max(self._study.known(), key=lambda known: value_of(known.pair), default=Known({}, NOTHING)).values)

    def _enough_found(self) -> bool:
        return any(self._enough(known.pair) for known in self._study.known())

    def _patience(self) -> float:
        return max(PATIENCE * self.before.seconds, LEAST_PATIENCE)

    def _affords(self, runs: int) -> bool:
        """Whether so many runs may be begun, and what is best then still be confirmed."""
        whole = runs + 2 * (self._seeds - 1)
        if self._budget.steps is not None:
            return self._backend.steps + whole * self.before.steps <= self._budget.steps
        spent = time.monotonic() - self._started
        return spent + whole / self._jobs * self.before.seconds <= (self._budget.seconds or 0.0)

    # ---- the best -------------------------------------------------------------------------------------------------

    def _confirmed(self) -> Found:
        """What is best, run on fresh seeds beside the script as it is."""
        tried = self._tried(None, [], "nothing that was tried is clearly better")
        before = Version({}, {0: self.before})
        try:
            for best in self._finalists():
                change, texts = self._change(best.values), self.texts(best.values)
                after = Version(texts, {})
                pairs = Pairs(self._backend, self._seeds, self._jobs, self._afford, self._say)
                limit = Limit(self._steps, self._patience())
                verdict, shown, why = pairs.confirm(change, best.pair, before, after, limit)
                tried = told(change, texts, self.originals, shown, self.before.steps, why, verdict)
                if verdict == "VERIFIED":
                    return self._found(tried, best.values, texts)
        except OutOfBudgetError:
            tried = self._tried(best, [best.pair], "the budget is used up before other seeds have confirmed it")
        except KeyboardInterrupt:
            tried = self._tried(best, [best.pair], "stopped before other seeds had confirmed it")
        return self._found(tried, {})

    def _finalists(self) -> list[Known]:
        """The best first; of those that are as good, the one that changes fewer numbers."""
        clear = [known for known in self._study.known() if known.pair.clear and self._change(known.values).edits]
        left = sorted(clear, key=lambda known: -value_of(known.pair))
        chosen: list[Known] = []
        while left and len(chosen) < FINALISTS:
            best = value_of(left[0].pair)
            scale = abs(best) if left[0].pair.measure.endswith("loss") else 1.0
            as_good = [known for known in left if value_of(known.pair) >= best - NO_BETTER * scale]
            chosen.append(min(as_good, key=lambda known: len(known.values)))
            left = [known for known in left if known.values != chosen[-1].values]
        return chosen

    def _afford(self, runs: int) -> None:
        """Confirming has been reserved for; only what goes far beyond is refused."""
        spent = time.monotonic() - self._started
        if self._budget.seconds is not None and spent + 0.5 * runs * self.before.seconds > self._budget.seconds:
            raise OutOfBudgetError
        if self._budget.steps is not None and self._backend.steps + runs * self.before.steps > self._budget.steps:
            raise OutOfBudgetError

    def _written(self, values: Values) -> Values:
        """The values to be written: those that differ."""
        now = {knob.name: knob.value for knob in self.knobs}
        return {name: value for name, value in values.items() if value != now.get(name)}

    def texts(self, values: Values) -> dict[str, str]:
        """The changed files' text with these values."""
        try:
            return changes.apply(self.originals, changed(self.knobs, self._written(values)))
        except changes.CannotEditError:  # each knob can be written, see `_can_edit`: it is so already
            return {}

    def _change(self, values: Values) -> Change:
        written = self._written(values)
        parts = [f"the {name} to {value:.6g}" for name, value in written.items()]
        return Change(f"set {', '.join(parts)}", tuple(changed(self.knobs, written)))

    def _tried(self, best: Known | None, pairs: list[Pair], why: str) -> Tried:
        if best is None:
            return Tried("TRIED, NO GAIN", why=why)
        change, texts = self._change(best.values), self.texts(best.values)
        return told(change, texts, self.originals, pairs, self.before.steps, why, "TRIED, NO GAIN")

    def _found(self, tried: Tried, values: Values, texts: Mapping[str, str] | None = None) -> Found:
        written = values if texts else {}
        settings = tuple(
            Setting(k.name, k.where, k.low, k.high, k.value, written.get(k.name, k.value)) for k in self.knobs
        )
        return Found(
            settings,
            tried,
            self._stopped,
            self._trials,
            self.steps,
            self.originals,
            texts or {},
            tuple(self._notices),
        )


NOTHING = Pair("", 0.0, 0.0, None, 0.0, False)
