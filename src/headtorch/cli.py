"""The command line: `run`, `report`, `fix`, `runs`, `explain`. The script runs outside the parser, see `main`."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click
import msgspec

from headtorch import __version__, launch
from headtorch.model import UserError

if TYPE_CHECKING:
    from headtorch.model import Report, RunSummary
    from headtorch.rules import Rule

COLUMNS = 88
STATUSES = """\b
Exit status:
  the script's own, or death by its signal
  1  with --check, when the script ended well and an error was found
  2  headtorch itself was used wrongly or could not start
"""

report_option = click.option(
    "--report",
    "reports",
    metavar="PATH",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Write the report to PATH too, in the format its ending names. May be given several times.",
)
check_option = click.option("--check", is_flag=True, help="Exit with status 1 when an error is found.")
select_option = click.option(
    "--select", "select", metavar="RULES", multiple=True, help="Run only these rules, separated by commas."
)
ignore_option = click.option(
    "--ignore", "ignore", metavar="RULES", multiple=True, help="Leave out these rules, separated by commas."
)
runs_option = click.option(
    "--runs",
    metavar="DIR",
    envvar="HEADTORCH_RUNS",
    default="headtorch-runs",
    show_default=True,
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="The folder of the run files.",
)


def main() -> NoReturn:
    """Entry point: parse the command line, then do what it asks and exit."""
    try:
        # `run` returns what is to be done instead of doing it: click would catch the script's own exceptions.
        outcome = commands.main(prog_name="headtorch", standalone_mode=False)
        sys.exit(outcome() if callable(outcome) else outcome)
    except UserError as error:
        print(f"headtorch: {error}", file=sys.stderr)
        sys.exit(error.status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)


@click.group(epilog=STATUSES)
@click.version_option(__version__, prog_name="headtorch", message="%(prog)s %(version)s")
def commands() -> None:
    """Runs your PyTorch training script unchanged and says why the network does not learn."""


@commands.command(
    epilog=STATUSES,
    options_metavar="[OPTIONS] [-m]",
    context_settings={"allow_interspersed_args": False},
)
@report_option
@check_option
@select_option
@ignore_option
@runs_option
@click.option("-m", "as_module", is_flag=True, help="SCRIPT is the name of a module, as in `python -m`.")
@click.argument("script")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(
    reports: tuple[Path, ...],
    check: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
    as_module: bool,
    script: str,
    arguments: tuple[str, ...],
) -> Callable[[], NoReturn]:
    """Run SCRIPT with ARGS as Python would, and print a diagnosis to stderr when it has ended.

    Options that stand after SCRIPT are the script's own.
    """
    return Training(
        script=script,
        arguments=arguments,
        as_module=as_module,
        # The script may change the folder.
        reports=tuple(path.absolute() for path in reports),
        runs=runs.absolute(),
        check=check,
        choice=_choice(select, ignore),
    )


@commands.command(epilog=STATUSES)
@report_option
@check_option
@select_option
@ignore_option
@runs_option
@click.argument("run", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
def report(
    run: Path | None,
    reports: tuple[Path, ...],
    check: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
) -> int:
    """Diagnose a run file again; without RUN the newest one. Needs no PyTorch."""
    from headtorch import render
    from headtorch.diagnose import diagnose

    for path in reports:
        render.check_path(path)
    found, sources = diagnose(run or _newest(runs), _rules(_choice(select, ignore)))
    _print(render.text(found, sources, width=_columns(), colour=_colourful(sys.stdout)))
    for path in reports:
        render.write(found, sources, path)
    return int(check and _has_errors(found))


@commands.command(
    options_metavar="[OPTIONS]",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Exit status:
  0  a change is verified, or there is nothing to fix
  1  nothing that was tried gains on every seed
  2  headtorch itself was used wrongly or could not start
""",
)
@report_option
@select_option
@ignore_option
@runs_option
@click.option("--apply", "applies", is_flag=True, help="Write the verified changes into the script, without asking.")
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a patched copy of the script to FILE."
)
@click.option("--budget", metavar="TIME", default="10m", show_default=True, help="Spend no more: 60s, 10m, 2h.")
@click.option("--seeds", metavar="N", type=click.IntRange(1), default=2, show_default=True, help="Pairs of runs.")
@click.option("--jobs", metavar="N", type=click.IntRange(1), default=1, show_default=True, help="Runs at once.")
@click.argument("target", metavar="[RUN | SCRIPT]", required=False)
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def fix(
    reports: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
    applies: bool,
    output: Path | None,
    budget: str,
    seeds: int,
    jobs: int,
    target: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Try changes for what is wrong with SCRIPT, or with the script of RUN, and show those that a re-run verifies.

    The script runs several times, in a scratch copy of its folder. Nothing of yours is touched before --apply or a yes.
    What a copy cannot contain: the network, databases, devices, and absolute paths that compiled code writes to.
    Without RUN and SCRIPT, the newest run is taken.
    """
    from headtorch import render
    from headtorch.trials import command

    for path in reports:
        render.check_path(path)
    wanted = command.Wanted(
        subject=command.subject(target or str(_newest(runs)), arguments),
        runs=runs.absolute(),
        rules=_rules(_choice(select, ignore)),
        seconds=command.seconds(budget),
        seeds=seeds,
        jobs=jobs,
    )
    done = command.fix(wanted, lambda text: print(f"headtorch: {text}", file=sys.stderr, flush=True))
    _print(render.text(done.shown, done.sources, width=_columns(), colour=_colourful(sys.stdout)))
    for path in reports:
        render.write(done.report, done.sources, path)
    if not done.changed:
        return int(done.report.verdict == "faulty")
    command.write(
        done,
        output,
        applies or (output is None and sys.stdin.isatty() and click.confirm("write this into your script?", err=True)),
        lambda text: print(f"headtorch: {text}", file=sys.stderr, flush=True),
    )
    return 0


@commands.command()
@click.argument(
    "folder", metavar="[DIR]", envvar="HEADTORCH_RUNS", default="headtorch-runs", type=click.Path(path_type=Path)
)
def runs(folder: Path) -> None:
    """List the run files of a folder, newest first."""
    from headtorch.render.visible import visible
    from headtorch.store.run import list_runs

    rows: list[tuple[str, ...]] = [("file", "script", "started", "steps", "last loss", "ending")]
    refusals = []
    for path, summary in list_runs(folder):
        if isinstance(summary, str):
            refusals.append(summary)
        else:
            rows.append(_row(path, summary))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if len(rows) == 1:
        lines = [] if refusals else [f"no runs in '{folder}'"]
    _print("".join(visible(line) + "\n" for line in lines + refusals))


@commands.command()
@click.option("--demo", is_flag=True, help="Run the small sick script that shows NAME, live.")
@click.argument("name", metavar="[NAME]", required=False)
def explain(name: str | None, demo: bool) -> Callable[[], NoReturn] | None:
    """Explain the rule NAME: why learning fails, what is measured and healthy, how it is fixed, when to ignore it.

    Without NAME, list the rules by family.
    """
    from headtorch.render import catalogue
    from headtorch.rules import all_rules, rule_named

    if name is None:
        _print(catalogue.listed(all_rules(), width=_columns(), colour=_colourful(sys.stdout)))
        return None
    rule = rule_named(name)
    script = Path(__file__).parent / "demos" / f"{rule.name.replace('-', '_')}.py"
    if demo:
        runs = Path(os.environ.get("HEADTORCH_RUNS", "headtorch-runs")).absolute()
        # A copy beside the runs: lines in headtorch's own folder would be taken for its own.
        try:
            runs.mkdir(parents=True, exist_ok=True)
            script = Path(shutil.copy(script, runs))
        except OSError as error:
            raise UserError(f"cannot copy the demo into '{runs}': {error.strerror}") from error
        return Training(
            script=str(script),
            arguments=(),
            as_module=False,
            reports=(),
            runs=runs,
            check=False,
            choice=_choice((), ()),
        )
    _print(catalogue.explained(rule, width=_columns(), colour=_colourful(sys.stdout)))
    return None


class Choice(msgspec.Struct, frozen=True):
    """The names of the rules that were selected and of those that were left out."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class Training(msgspec.Struct, frozen=True):
    """A script that is to be run, recorded and diagnosed. Calling it does that and ends the process."""

    script: str
    arguments: tuple[str, ...]
    as_module: bool
    reports: tuple[Path, ...]
    runs: Path
    check: bool
    choice: Choice = Choice()

    def __call__(self) -> NoReturn:
        """Run the script; UserError is raised only before it starts."""
        from headtorch import record, render
        from headtorch.render.progress import Progress
        from headtorch.watch import Watch

        if not self.as_module:
            launch.check_script(self.script)
        for path in self.reports:
            render.check_path(path)
        recording = record.begin(script=self.script, argv=self.arguments, as_module=self.as_module, folder=self.runs)
        watch = Watch(recording, Progress(sys.stderr))

        def end(kind: str, detail: str) -> Path:
            watch.stop()
            return recording.end(kind, detail)

        aftermath = Aftermath(end, self.reports, self.choice, lambda: recording.trouble)
        argv = [self.script, *self.arguments]
        ending = launch.execute(argv, as_module=self.as_module, at_sigterm=aftermath.report)
        found = aftermath.report(ending)
        launch.leave(ending, 1 if self.check and found and _has_errors(found) else None)


class Aftermath:
    """What headtorch does once the script has ended: nothing that fails here may touch the script's end.

    Made before the script starts, for a script can close stderr, change the path and the environment. `end` closes
    the recording, given the kind and the detail of the ending, and returns the run file.
    """

    def __init__(
        self,
        end: Callable[[str, str], Path],
        reports: tuple[Path, ...],
        choice: Choice,
        trouble: Callable[[], str | None],
    ) -> None:
        self._end = end
        self._trouble = trouble
        self._choice = choice
        self._reports = reports
        self._path = list(sys.path)
        self._columns = _columns()
        self._encoding = sys.stderr.encoding if sys.stderr else "utf-8"
        self._colour = sys.stderr is not None and _colourful(sys.stderr)
        self._stderr: int | None = None
        with contextlib.suppress(OSError):
            self._stderr = os.dup(2)

    def report(self, ending: launch.Ending) -> Report | None:
        """End the recording, print its diagnosis and write the reports; None if there is no diagnosis."""
        found, kept = None, ""
        try:
            run_file = self._end(ending.kind, ending.detail)
            kept = f"; the run is kept in '{run_file}'"
            if ending.kind != "terminated":  # Python alone drops what a terminated script has not yet flushed.
                with contextlib.suppress(Exception):
                    sys.stdout.flush()  # The report stands below what the script printed.
            with self._own_surroundings():
                from headtorch import render
                from headtorch.diagnose import diagnose

                found, sources = diagnose(run_file, _rules(self._choice))
                self._say(render.text(found, sources, width=self._columns, colour=self._colour))
                # A disk that is full can't hold the news of it.
                if (trouble := self._trouble()) is not None and trouble not in found.notices:
                    self._say(f"headtorch: {trouble}\n")
                for path in self._reports:
                    try:
                        render.write(found, sources, path)
                    except UserError as error:
                        self._say(f"headtorch: {error}\n")
        except UserError as error:
            self._say(f"headtorch: {error}\n")
        except KeyboardInterrupt:
            self._say(f"headtorch: interrupted before the report was complete{kept}\n")
        except BaseException as error:
            reason = traceback.format_exception_only(type(error), error)[-1].strip()
            self._say(f"headtorch: the report failed: {reason}{kept}\n")
        return found

    def _say(self, text: str) -> None:
        left = text.encode(self._encoding, "backslashreplace")
        with contextlib.suppress(OSError):
            while left and self._stderr is not None:
                left = left[os.write(self._stderr, left) :]

    @contextlib.contextmanager
    def _own_surroundings(self) -> Iterator[None]:
        """Without the script's folder on the path, where a `html.py` may lie, its warning filters and NumPy's traps."""
        theirs = list(sys.path)
        sys.path[:] = self._path
        try:
            import numpy as np

            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                yield
        finally:
            sys.path[:] = theirs


def _choice(select: tuple[str, ...], ignore: tuple[str, ...]) -> Choice:
    """What the command line chooses, or else `[tool.headtorch]`. Raises UserError for a name that no rule has."""
    from headtorch import settings

    table = settings.read(Path.cwd())
    choice = Choice(settings.split(select) or table.select, settings.split(ignore) or table.ignore)
    if choice.select or choice.ignore:
        _rules(choice)
    return choice


def _rules(choice: Choice) -> tuple[Rule, ...]:
    from headtorch.rules import chosen

    return chosen(choice.select, choice.ignore)


def _print(text: str) -> None:
    """Print on stdout, with an escape for what its encoding lacks."""
    encoding = sys.stdout.encoding
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=False)


def _colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _columns() -> int:
    return min(COLUMNS, shutil.get_terminal_size((COLUMNS, 24)).columns)


def _has_errors(found: Report) -> bool:
    return any(finding.severity == "error" for finding in found.findings)


def _newest(folder: Path) -> Path:
    files = sorted(folder.glob("*.htdb"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise UserError(f"no runs in '{folder}': `headtorch run SCRIPT` records one")
    return files[-1]


def _row(path: Path, run: RunSummary) -> tuple[str, ...]:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    loss = "-" if run.last_loss is None else f"{run.last_loss:.4g}"
    return (path.name, run.script, started, str(run.steps), loss, run.ending)
