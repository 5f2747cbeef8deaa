"""Several runs over one another, and what differs between them: settings, findings, source."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from headtorch.figures import Series
from headtorch.model import Report
from headtorch.render.html.losses import Losses, Window, bands, charts, curves
from headtorch.render.html.parts import Heading, Verdict, heading, verdict
from headtorch.render.html.patch import PatchLine, patch_lines
from headtorch.render.numbers import figure
from headtorch.signals import Signals
from headtorch.store.run import Run

MOST_LINES = 400  # of a difference


class Side(NamedTuple):
    """One of the runs: its key, its letter, its head, its verdict, the rules that found something."""

    key: str
    letter: str
    head: Heading
    verdict: Verdict | None
    rules: tuple[str, ...]


class Difference(NamedTuple):
    """The source of the first run against that of another: which file, and its lines."""

    name: str
    first: str
    other: str
    lines: tuple[PatchLine, ...]
    cut: bool


class Compared(NamedTuple):
    """Several runs: their losses on one axis, and what differs."""

    runs: tuple[Side, ...]
    losses: Losses | None
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    sources: tuple[Difference, ...]


def compared(runs: Sequence[tuple[str, Signals, Report | None]], points: int, window: Window | None = None) -> Compared:
    """What there is to say of runs beside each other; each comes with its key and its report, if there is one."""
    sides, series = [], list[Series]()
    for number, (key, signals, report) in enumerate(runs):
        letter = chr(ord("A") + number)
        head = heading(signals.run.summary(), str(signals.run.facts.get("detail", "")))
        rules = tuple(dict.fromkeys(finding.rule for finding in report.findings)) if report is not None else ()
        judged = verdict(report, head.running) if report is not None else None
        sides.append(Side(key, letter, head, judged, rules))
        if signals.fits:
            series += curves([signals.longest], points, window, f"{letter} ", (0, 1, 2, 3, 5)[number % 5])
    levels = {bands(signals) for _, signals, _ in runs if signals.fits}
    shared = next(iter(levels)) if len(levels) == 1 else ()
    return Compared(
        runs=tuple(sides),
        losses=charts("Losses", series, shared, (), None) if series else None,
        settings=_different([settings(signals) for _, signals, _ in runs]),
        sources=tuple(
            difference
            for side, (_, signals, _) in zip(sides[1:], runs[1:], strict=True)
            for difference in _sources(runs[0][1].run, signals.run, sides[0].letter, side.letter)
        )
        if runs
        else (),
    )


def settings(signals: Signals) -> dict[str, str]:
    """What a run was set to, by name."""
    run = signals.run
    found = {"arguments": " ".join(map(str, run.facts.get("arguments", ())))}
    found["steps"] = f"{run.steps:,}"
    if signals.fits:
        fit = signals.longest
        if fit.loss is not None:
            found["loss"] = fit.loss.name
            if fit.loss.prediction_shape:
                found["batch"] = str(fit.loss.prediction_shape[0])
        found["parameters"] = f"{sum(math.prod(p.shape) for p in fit.parameters):,}"
        found["layers"] = ", ".join(fit.run.parameters[n].name for n in _weights(signals))
        for optimizer in fit.followed_by[-1:]:
            found["optimizer"] = optimizer.kind
            for group in optimizer.groups[:1]:
                found |= {name: _value(value) for name, value in group.items() if name != "parameters"}
        found["last loss"] = figure(fit.last_loss)
    found["PyTorch"] = str(run.facts.get("torch", ""))
    found["Python"] = str(run.facts.get("python", ""))
    found["headtorch"] = str(run.facts.get("headtorch", ""))
    return found


def _weights(signals: Signals) -> list[int]:
    fit = signals.longest
    return [parameter.id for parameter in fit.parameters if len(parameter.shape) >= 2]


def _value(value: object) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _different(sides: Sequence[Mapping[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = dict.fromkeys(name for side in sides for name in side)
    rows = [(name, tuple(side.get(name, "–") for side in sides)) for name in names]
    return tuple((name, values) for name, values in rows if len(set(values)) > 1)


def _sources(first: Run, other: Run, letter: str, other_letter: str) -> list[Difference]:
    """The files of one name that differ. Two scripts of different names are compared as well."""
    ours = {PurePath(file).name: text for file, text in first.sources.items()}
    theirs = {PurePath(file).name: text for file, text in other.sources.items()}
    pairs = [(name, name) for name in ours if name in theirs]
    scripts = PurePath(str(first.facts.get("script", ""))).name, PurePath(str(other.facts.get("script", ""))).name
    if scripts[0] != scripts[1] and scripts[0] in ours and scripts[1] in theirs:
        pairs.insert(0, scripts)
    found = []
    for mine, yours in pairs:
        if ours[mine] != theirs[yours]:
            diff = "\n".join(difflib.unified_diff(ours[mine].split("\n"), theirs[yours].split("\n"), lineterm="", n=2))
            lines = patch_lines(diff)
            name = mine if mine == yours else f"{mine} → {yours}"
            found.append(Difference(name, letter, other_letter, tuple(lines[:MOST_LINES]), len(lines) > MOST_LINES))
    return found
