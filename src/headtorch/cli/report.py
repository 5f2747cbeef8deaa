"""headtorch report: the diagnosis of a run file, once more."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headtorch.cli.options import (
    check_option,
    choice_of,
    has_errors,
    ignore_option,
    newest,
    report_option,
    rules_of,
    runs_option,
    select_option,
)
from headtorch.cli.terminal import colourful, columns, show


@click.command(
    epilog="""\b
Exit status:
  0  the report was drawn
  1  with --check, when an error was found
  2  there is no such run, or it cannot be read
"""
)
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
    from headtorch.render import text

    for path in reports:
        render.check_path(path)
    found, sources = diagnose(run or newest(runs), rules_of(choice_of(select, ignore)))
    show(text.render(found, sources, width=columns(), colour=colourful(sys.stdout)))
    for path in reports:
        render.write(found, sources, path)
    return int(check and has_errors(found))
