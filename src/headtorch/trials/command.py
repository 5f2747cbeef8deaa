"""What `headtorch fix` does: find the script, try, show, and write what is verified where the user wants it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from headtorch import launch
from headtorch.model import COMMAND_LINE, Report, UserError
from headtorch.rules import Rule
from headtorch.store.run import Run
from headtorch.store.tried import keep
from headtorch.trials.fix import Fixing, Limits
from headtorch.trials.orders import Backend, Subject
from headtorch.trials.runner import Runner
from headtorch.trials.workplace import Workplace, decode, encode

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class Wanted(NamedTuple):
    """What a call of `headtorch fix` asks for."""

    subject: Subject
    runs: Path
    rules: tuple[Rule, ...]
    seconds: float
    seeds: int
    jobs: int | None
    cluster: str = ""


class Patch(NamedTuple):
    """What may be written: the text of the user's files before, that of the changed ones after, and the script."""

    sources: Mapping[str, str]
    changed: Mapping[str, str]
    script: Path

    @property
    def files(self) -> dict[str, str]:
        """The changed files, without the command line."""
        return {file: text for file, text in self.changed.items() if file != COMMAND_LINE}


class Done(NamedTuple):
    """What came of it: the whole report, the part that is printed, and the patch."""

    report: Report
    shown: Report
    patch: Patch


def seconds(budget: str) -> float:
    """The seconds of a time such as 60s, 10m or 2h. Raises UserError for another form."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", budget.strip())
    if match is None or not float(match[1]):
        raise UserError(f"cannot understand the budget '{budget}': write a time such as 60s, 10m or 2h")
    return float(match[1]) * UNITS[match[2]]


def subject(target: str, arguments: tuple[str, ...], *, as_module: bool = False) -> Subject:
    """The script or the module that is meant, by its own name or by that of a run file.

    Raises UserError where there is none, or it has changed since it was recorded.
    """
    if as_module or not target.endswith(".htdb"):
        if not as_module:
            launch.check_script(target)
        return Subject(target, arguments, as_module, folder=Path.cwd())
    run = Run(Path(target))
    try:
        facts, sources = run.facts, run.sources
    finally:
        run.close()
    for file, text in sources.items():
        if Path(file).is_file() and _lines(decode(Path(file))) != _lines(text):
            raise UserError(f"'{file}' has changed since '{target}' was recorded; give the script instead of the run")
    folder = Path(str(facts.get("folder", ".")))
    script, as_module = str(facts.get("script", "")), bool(facts.get("as_module", False))
    if not as_module and not (folder / script).is_file():
        raise UserError(f"the script of '{target}' is not there any more: '{folder / script}'")
    return Subject(script if as_module else str(folder / script), tuple(facts.get("arguments", ())), as_module, folder)


def fix(wanted: Wanted, say: Callable[[str], None]) -> Done:
    """Try what there is to try."""
    script = wanted.subject.file
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no trial is left behind
    with Workplace(wanted.subject.folder, script) as place:
        backend, jobs = backend_of(wanted.subject, place, wanted.runs, wanted.jobs, wanted.cluster)
        limits = Limits(wanted.seconds, wanted.seeds, jobs)
        try:
            fixed = Fixing(backend, place.holds, wanted.subject.arguments, wanted.rules, limits, say).run()
        finally:
            backend.close()
    tried = tuple(finding for finding in fixed.report.findings if finding.tried is not None)
    try:
        keep(fixed.run_file, tried)
    except sqlite3.Error as error:
        say(f"the run file does not say what was tried, it cannot be written: {error}")
    shown = msgspec.structs.replace(fixed.report, findings=tried or fixed.report.findings)
    return Done(fixed.report, shown, Patch(fixed.sources, fixed.changed, script))


def backend_of(subject: Subject, place: Workplace, runs: Path, jobs: int | None, cluster: str) -> tuple[Backend, int]:
    """Where trials run, and how many at once: one here, as many as it has cores on a cluster, unless said otherwise."""
    if not cluster:
        return Runner(subject, place, runs, jobs or 1), jobs or 1
    from headtorch.trials.cluster import Cluster

    there = Cluster(cluster, subject, place, runs)
    return there, jobs or there.jobs


def write(patch: Patch, output: Path | None, applies: bool, say: Callable[[str], None]) -> None:
    """Write the patched copy, and the user's own files if he wants it; each whole or not at all."""
    files = patch.files
    if output is not None:
        text = files.get(str(patch.script))
        if text is None:
            raise UserError(f"the changes are not in '{patch.script.name}': write them with --apply")
        _write_whole(output, encode(text, patch.script))
        say(f"wrote a patched copy to '{output}'")
        if others := [file for file in files if file != str(patch.script)]:
            say(f"changes in {', '.join(map(repr, others))} are only written by --apply")
    if applies:
        for file in files:
            if decode(Path(file)) != patch.sources[file]:
                raise UserError(f"'{file}' has changed while trials ran; nothing was written")
        for file, text in files.items():
            _write_whole(Path(file), encode(text, Path(file)))
            how = "git has the version before" if _in_git(Path(file)) else "no version control has the version before"
            say(f"wrote '{file}' ({how})")


def _write_whole(path: Path, content: bytes) -> None:
    target = path.resolve()
    unfinished = target.with_name(f".headtorch-{os.urandom(8).hex()}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
        if target.exists():
            unfinished.chmod(target.stat().st_mode)
        unfinished.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise UserError(f"cannot write '{path}': {error.strerror or error}") from error


def _in_git(path: Path) -> bool:
    """Whether git has the file as it was."""
    with contextlib.suppress(OSError):
        command = ["git", "-C", str(path.parent), "ls-files", "--error-unmatch", path.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
