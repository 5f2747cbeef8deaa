"""The records that pass between the parts: a place, a piece of evidence, a finding, a change, a report."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]
Role = Literal["cause", "consequence"]
Verdict = Literal["healthy", "faulty", "unknown"]
Outcome = Literal["VERIFIED", "TRIED, NO GAIN", "NOT TRIED"]

SCHEMA = "headtorch.report/1"
COMMAND_LINE = "<command line>"
"""The file of a place, or of an edit, in the arguments of the script: one line, quoted as a shell wants it."""


class Where(msgspec.Struct, frozen=True):
    """A span of the user's source.

    `line` and `end_line` count from 1, `column` and `end_column` too; `end_column` is the first column after the span.
    The columns are None where the interpreter does not tell them (Python 3.10).
    """

    file: str
    line: int
    column: int | None = None
    end_column: int | None = None
    end_line: int | None = None


class Evidence(msgspec.Struct, frozen=True):
    """One measured quantity with its healthy range, as it stands behind `saw:`.

    `steps` is the range of training steps it was seen on, such as "0-19"; `curve` a few points for a sparkline.
    """

    quantity: str
    value: float | str
    healthy: str | None = None
    steps: str | None = None
    layer: str | None = None
    curve: tuple[float, ...] | None = None


class Edit(msgspec.Struct, frozen=True):
    """One edit of the user's source: what is done, at which place, and the code that comes there.

    `do` names a module of `changes/edits/`. `name` is an argument's name, where the edit is about one.
    """

    do: str
    where: Where
    code: str = ""
    name: str = ""


class Change(msgspec.Struct, frozen=True):
    """What may mend a finding: a sentence in the imperative, and its edits.

    A rule yields them in the order in which they are to be tried. The changes of one finding with the same `knob` set
    one number to different values; of these the best is taken, of others the first that gains. `alters_loss` says that
    the loss is another figure afterwards: the change is then judged by what the task measures, never by the loss.
    """

    sentence: str
    edits: tuple[Edit, ...]
    knob: str = ""
    alters_loss: bool = False


class Tried(msgspec.Struct, frozen=True):
    """What a re-run with a change has shown.

    `why` says why nothing was tried, or why what was tried is no gain. `before` and `after` are the `measure` of each
    seed's pair of runs, of which more is better; `floor` is what an answer without learning would reach. `diff` is in
    unified format, with the user's own lines.
    """

    verdict: Outcome
    why: str = ""
    change: str = ""
    diff: str = ""
    measure: str = ""
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    floor: float | None = None
    steps: int = 0


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong with a training.

    `message` is a headline in the present tense without advice; `help` the advice; `label` what the caret points at
    ("this learning rate"). `confidence` is the share of such findings that are right, between 0 and 1.
    `follows_from` names the rule of the cause when `role` is "consequence". `tried` is the verdict of a re-run.
    """

    rule: str
    severity: Severity
    message: str
    where: Where | None = None
    saw: tuple[Evidence, ...] = ()
    help: str = ""
    label: str = ""
    confidence: float = 0.5
    role: Role = "cause"
    follows_from: str | None = None
    tried: Tried | None = None


class RunSummary(msgspec.Struct, frozen=True):
    """What a report says of the run itself. Times are in seconds, `started` since the epoch.

    `last_loss` is the median over the last tenth of the steps, ten at least. `rank` is the process's number in a job of
    `ranks` processes.
    """

    file: str
    script: str
    arguments: tuple[str, ...]
    started: float
    seconds: float | None
    ending: str
    steps: int
    evaluations: int
    parameters: int
    layers: int
    first_loss: float | None
    last_loss: float | None
    loss_curve: tuple[float, ...]
    headtorch: str
    torch: str | None
    rank: int = 0
    ranks: int = 1


class Report(msgspec.Struct, frozen=True):
    """The diagnosis of one run: what every renderer draws. Findings stand causes first, most certain first.

    `notices` are sentences about the diagnosis itself: what could not be looked at, what went wrong in headtorch.
    `looked_at` says what a verdict of "healthy" rests on, `rules` names the rules that were asked and did not fail.
    """

    verdict: Verdict
    run: RunSummary
    findings: tuple[Finding, ...]
    looked_at: str
    notices: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    schema: str = SCHEMA


class Examined(msgspec.Struct, frozen=True):
    """What one exam of a script has shown. "open" is what could not be told; "shown" passes no judgement.

    `ends` say what the first and the last point of `curve` stand at.
    """

    title: str
    state: Literal["passes", "fails", "open", "shown"]
    words: str
    curve: tuple[float, ...] = ()
    ends: tuple[str, str] = ("", "")


class Checkup(msgspec.Struct, frozen=True):
    """What all exams of a script have shown, in how many steps and seconds."""

    script: str
    examined: tuple[Examined, ...]
    steps: int
    seconds: float


class Setting(msgspec.Struct, frozen=True):
    """A number of the script that was searched: where it is written, its range, its value before and the best one.

    `before` is None where it was not written, and `after` where it stays as it was.
    """

    name: str
    where: Where
    low: float
    high: float
    before: float | None = None
    after: float | None = None


class Tuned(msgspec.Struct, frozen=True):
    """What a search has shown: the settings it changed numbers among, what it took, and the verdict on the best.

    `stopped` counts the trials that ended early as hopeless, by what they were. `study` is the file of the Optuna
    study, `name` its name there. `notices` are sentences about the search itself.
    """

    script: str
    settings: tuple[Setting, ...]
    trials: int
    stopped: dict[str, int]
    steps: int
    seconds: float
    study: str
    name: str
    tried: Tried
    notices: tuple[str, ...] = ()


class UserError(Exception):
    """An error that a user can cause and mend: one clear sentence, printed without a traceback; exit status
    `status`."""

    status = 2

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it."""
        return [f"headtorch: {self}"]
