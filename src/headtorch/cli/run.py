"""headtorch run: a script as Python would run it, and then its diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from headtorch.cli.options import (
    STATUSES,
    check_option,
    choice_of,
    ignore_option,
    module_option,
    report_option,
    runs_option,
    select_option,
)
from headtorch.cli.training import Training


@click.command(
    epilog=STATUSES,
    options_metavar="[OPTIONS] [-m]",
    context_settings={"allow_interspersed_args": False},
)
@report_option
@check_option
@select_option
@ignore_option
@runs_option
@click.option(
    "--append",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Go on in the run file RUN of this script, as for a training that resumes from a checkpoint.",
)
@click.option(
    "--level",
    type=click.Choice(["default", "deep"]),
    default="default",
    help="How closely to look: `deep` measures everything at every step, `default` after the first hundred at one "
    "step in a hundred.",
)
@click.option("--fix", is_flag=True, help="Then try fixes for what is found, as `headtorch fix` does.")
@click.option("--live", is_flag=True, help="Open a page that shows the training live, as `headtorch view` does.")
@module_option
@click.argument("script")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(
    reports: tuple[Path, ...],
    check: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
    append: Path | None,
    level: str,
    fix: bool,
    live: bool,
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
        choice=choice_of(select, ignore),
        fix=fix,
        live=live,
        level=level,
        append=None if append is None else append.absolute(),
    )
