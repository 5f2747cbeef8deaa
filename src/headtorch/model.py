"""The records that pass between the parts: a place, a piece of evidence, a finding, a report."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]
Role = Literal["cause", "consequence"]
Verdict = Literal["healthy", "faulty", "unknown"]

SCHEMA = "headtorch.report/1"


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
    tried: None = None


class RunSummary(msgspec.Struct, frozen=True):
    """What a report says of the run itself. Times are in seconds, `started` since the epoch."""

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


class Report(msgspec.Struct, frozen=True):
    """The diagnosis of one run: what every renderer draws. Findings stand causes first, most certain first.

    `notices` are sentences about the diagnosis itself: what could not be looked at, what went wrong in headtorch.
    `looked_at` says what a verdict of "healthy" rests on.
    """

    verdict: Verdict
    run: RunSummary
    findings: tuple[Finding, ...]
    looked_at: str
    notices: tuple[str, ...] = ()
    schema: str = SCHEMA


class UserError(Exception):
    """An error that a user can cause and mend: one clear sentence, printed without a traceback; exit status
    `status`."""

    status = 2
