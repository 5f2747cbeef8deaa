"""Fix: from a diagnosis to a verified change, one fault after another until nothing gains.

Each round diagnoses the best source so far, takes the causes in the order of their certainty, and tries their changes
on one seed. What gains there is run again on the other seeds, in pairs; only what gains on each of them is kept. So the
number that a search chose on the first seed is confirmed on others.
"""

from __future__ import annotations

import difflib
import math
import shlex
import time
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec

from headtorch import changes
from headtorch.diagnose import diagnose, settled
from headtorch.model import COMMAND_LINE, Change, Finding, Outcome, Report, Tried, UserError
from headtorch.rules import Rule, rule_named
from headtorch.signals import Signals
from headtorch.store.run import Run
from headtorch.trials.orders import Backend, Limit, Ran, Trial
from headtorch.trials.pairs import Pairs, Version, failing, no_measure, told
from headtorch.trials.verdict import Pair, compare
from headtorch.trials.workplace import decode

MOST_FAULTS = 4  # cured one after another
MOST_FINDINGS = 5  # tried in a round
SHARE_OF_A_RUN = 6  # of the budget is what one run may take at most
NEARLY_ALL = 0.9  # of what was missing: no other value of a knob is tried
ENOUGH = 0.5  # of what was missing: no other change is tried


class Limits(NamedTuple):
    """How much may be spent: seconds in all, seeds a verdict rests on, processes at once."""

    seconds: float
    seeds: int
    jobs: int


class Fixed(NamedTuple):
    """What came of it: the report with verdicts, the file of the first run, the user's sources before, and the changed
    files' text after."""

    report: Report
    run_file: Path
    sources: Mapping[str, str]
    changed: Mapping[str, str]
    complete: bool


class OutOfBudgetError(Exception):
    """Nothing more may be tried."""


class Candidate(NamedTuple):
    """A change with the texts it makes and its pair of runs on the first seed."""

    change: Change
    texts: dict[str, str]
    ran: Ran
    pair: Pair


class Fixing:
    """One call of `headtorch fix`."""

    def __init__(
        self,
        backend: Backend,
        holds: Callable[[str], bool],
        arguments: tuple[str, ...],
        rules: tuple[Rule, ...],
        limits: Limits,
        say: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._holds = holds
        self._rules = rules
        self._limits = limits
        self._say = say
        self._started = time.monotonic()
        self._steps: int | None = None
        self._seconds = 0.0
        self._ran: dict[int, dict[int, Ran]] = {}  # by version of the source, and seed
        self._version = 0
        self.originals: dict[str, str] = {COMMAND_LINE: shlex.join(arguments)}
        self._texts: dict[str, str] = {}  # of changed files, as far as verified
        self._report: Report | None = None
        self._tried: list[Finding] = []
        self._pairs = Pairs(backend, limits.seeds, limits.jobs, self._afford, say)

    def run(self) -> Fixed:
        """Try what there is to try. An interruption or the end of the budget keeps what is known so far."""
        complete = False
        try:
            self._first_run()
            while len([f for f in self._tried if f.tried and f.tried.verdict == "VERIFIED"]) < MOST_FAULTS:
                if not self._cure_one():
                    break
            complete = True
        except (KeyboardInterrupt, OutOfBudgetError) as end:
            self._backend.close()
            if self._report is None:
                raise UserError("stopped before the script had been diagnosed; nothing was changed") from end
            self._say("stopped" if isinstance(end, KeyboardInterrupt) else "the budget is used up")
        run_file = self._ran[0][0].run_file
        assert self._report is not None and run_file is not None
        return Fixed(self._final_report(self._report), run_file, self.originals, dict(self._texts), complete)

    # ---- one fault ------------------------------------------------------------------------------------------------

    def _first_run(self) -> None:
        self._say("running the script as it is")
        ran = self._backend.run(Trial({}, limit=Limit(seconds=self._limits.seconds / SHARE_OF_A_RUN), keep=True))
        if ran.run_file is None or (ran.failed and not ran.steps):
            raise UserError(f"nothing to try: the script {failing(ran)}")
        self._seconds = ran.seconds
        self._steps = ran.steps if ran.stopped else None
        self._ran[0] = {0: ran}

    def _cure_one(self) -> bool:
        """Diagnose the best source so far, and try until one change gains on each seed."""
        run_file = self._ran[self._version][0].run_file
        assert run_file is not None
        report, sources = diagnose(run_file, self._rules)
        for file in sources:
            if file not in self.originals and self._holds(file) and Path(file).is_file():
                self.originals[file] = decode(Path(file))
        first = self._report is None
        if first:
            self._report = report
        sick = [finding for finding in report.findings if finding.severity != "note"]
        if not sick:
            cut = f" in the {self._steps} steps that the budget allows" if self._steps is not None else ""
            self._say(f"nothing to fix{cut}" if first else "nothing more to fix")
        for finding in sick[:MOST_FINDINGS]:
            if any(f.rule == finding.rule and f.where == finding.where for f in self._tried):
                continue
            try:
                tried, kept = self._try(finding, run_file)
            except OutOfBudgetError:
                self._tried.append(
                    msgspec.structs.replace(finding, tried=Tried("NOT TRIED", why="the budget is used up"))
                )
                raise
            self._tried.append(msgspec.structs.replace(finding, tried=tried))
            if kept is not None:
                self._texts, self._version = kept, self._version + 1
                return True
        return False

    def _try(self, finding: Finding, run_file: Path) -> tuple[Tried, dict[str, str] | None]:
        current = {**self.originals, **self._texts}
        proposed, refusal = self._proposed(finding, run_file, current)
        if not proposed:
            return Tried("NOT TRIED", why=refusal or "no edit can be derived: this one needs your own hand"), None
        best: Candidate | None = None
        failure = Tried("NOT TRIED", why=refusal)
        nearest = -math.inf
        for knob, group in groupby(proposed, key=lambda entry: entry[0].knob):
            for change, texts in group:
                which = f"change {proposed.index((change, texts)) + 1} of {len(proposed)}"
                self._say(f"{finding.rule}, {which}: trying to {change.sentence} ({self._left()} left)")
                candidate, shown = self._first_seed(change, texts, current)
                gain = candidate.pair.gain if candidate is not None else -math.inf
                if candidate is not None and candidate.pair.clear and (best is None or gain > best.pair.gain + 0.01):
                    best = candidate
                elif best is not None and knob and knob == best.change.knob:
                    break  # beyond the best value
                elif gain > nearest or failure.verdict == "NOT TRIED":
                    nearest, failure = gain, shown
                if best is not None and best.pair.gain > (NEARLY_ALL if knob else ENOUGH):
                    break
            if best is not None and best.pair.gain > ENOUGH:
                break
        if best is None:
            return failure, None
        tried = self._other_seeds(best, current)
        if tried.verdict != "VERIFIED":
            return tried, None
        return tried, {**self._texts, **best.texts}

    def _proposed(
        self, finding: Finding, run_file: Path, current: Mapping[str, str]
    ) -> tuple[list[tuple[Change, dict[str, str]]], str]:
        """The changes that can be made, with the texts they make; and why the last one that cannot be made can not."""
        rule = rule_named(finding.rule)
        if rule.changes is None:
            return [], ""
        proposed: list[tuple[Change, dict[str, str]]] = []
        refusal = ""
        run = Run(run_file)
        try:
            try:
                wanted = list(rule.changes(finding, Signals(run)))
            except Exception as error:  # a rule of ours that fails says so, and the others go on
                return [], f"the rule's changes failed ({type(error).__name__}: {error})"
            for change in wanted:
                try:
                    texts = changes.apply(current, change.edits)
                except changes.CannotEditError as error:
                    refusal = str(error)
                else:
                    if texts not in [known for _, known in proposed]:
                        proposed.append((change, texts))
        finally:
            run.close()
        return proposed, refusal

    # ---- trials ---------------------------------------------------------------------------------------------------

    def _first_seed(
        self, change: Change, texts: dict[str, str], current: Mapping[str, str]
    ) -> tuple[Candidate | None, Tried]:
        self._afford(1)
        limit = Limit(self._steps, self._patience(), hopeless_at_nan=True)
        ran = self._backend.run(Trial({**self._texts, **texts}, limit=limit))
        pair = compare(self._ran[self._version][0], ran, alters_loss=change.alters_loss)
        if ran.failed:
            return None, self._told(change, texts, current, [], f"with it the script {failing(ran)}")
        if pair is None:
            why = {"nan": "it diverged", "time": "it took too long"}.get(ran.stopped, no_measure(change))
            return None, self._told(change, texts, current, [], why)
        why = "" if pair.clear else "no clear gain on the first seed"
        return Candidate(change, texts, ran, pair), self._told(change, texts, current, [pair], why)

    def _other_seeds(self, best: Candidate, current: Mapping[str, str]) -> Tried:
        before, after = (
            Version(texts, self._ran.setdefault(number, {}))
            for texts, number in ((self._texts, self._version), ({**self._texts, **best.texts}, self._version + 1))
        )
        after.runs.clear()
        after.runs[0] = best.ran
        limit = Limit(self._steps, self._patience())
        verdict, pairs, why = self._pairs.confirm(best.change, best.pair, before, after, limit)
        return self._told(best.change, best.texts, current, pairs, why, verdict)

    def _told(
        self,
        change: Change,
        texts: dict[str, str],
        current: Mapping[str, str],
        pairs: list[Pair],
        why: str,
        verdict: Outcome = "TRIED, NO GAIN",
    ) -> Tried:
        return told(change, texts, current, pairs, self._ran[self._version][0].steps, why, verdict)

    def _patience(self) -> float:
        return max(10 * self._seconds, 60.0)

    def _afford(self, runs: int) -> None:
        if 0.5 * runs * self._seconds > self._remaining:
            raise OutOfBudgetError

    @property
    def _remaining(self) -> float:
        return self._limits.seconds - (time.monotonic() - self._started)

    def _left(self) -> str:
        """What is left of the budget."""
        return f"{self._remaining:.0f} s" if self._remaining < 120 else f"{self._remaining / 60:.0f} min"

    # ---- the report -----------------------------------------------------------------------------------------------

    def _final_report(self, report: Report) -> Report:
        """The first diagnosis with what was tried, later findings at their lines in the user's own source."""
        first = {(finding.rule, finding.where) for finding in report.findings}
        tried = [f if (f.rule, f.where) in first else self._in_original(f) for f in self._tried]
        return msgspec.structs.replace(report, findings=settled(report.findings, tried))

    def _in_original(self, finding: Finding) -> Finding:
        """A finding of an edited source, with its line in the user's own."""
        where = finding.where
        if where is None or where.file not in self._texts:
            return finding
        old, new = (text.splitlines() for text in (self.originals[where.file], self._texts[where.file]))
        for tag, first, _, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal" and start < where.line <= end:
                shift = first - start
                moved = msgspec.structs.replace(
                    where, line=where.line + shift, end_line=where.end_line and where.end_line + shift
                )
                return msgspec.structs.replace(finding, where=moved)
        return msgspec.structs.replace(finding, where=None)
