"""The options that several commands share, and what they choose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from headtorch.model import UserError

if TYPE_CHECKING:
    from headtorch.model import Report
    from headtorch.rules import Rule

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
module_option = click.option("-m", "as_module", is_flag=True, help="SCRIPT is the name of a module, as in `python -m`.")
jobs_option = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(1),
    help="Runs at once: 1 unless said otherwise, on a cluster as many as it has cores.",
)
cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    default="",
    help="Run them on the Ray cluster at ADDRESS, `auto` for the one that this machine is part of.",
)


class Choice(msgspec.Struct, frozen=True):
    """The names of the rules that were selected and of those that were left out."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def choice_of(select: tuple[str, ...], ignore: tuple[str, ...]) -> Choice:
    """What the command line chooses, or else `[tool.headtorch]`. Raises UserError for a name that no rule has."""
    from headtorch import settings

    table = settings.read(Path.cwd())
    choice = Choice(settings.split(select) or table.select, settings.split(ignore) or table.ignore)
    if choice.select or choice.ignore:
        rules_of(choice)
    return choice


def rules_of(choice: Choice) -> tuple[Rule, ...]:
    """The rules that a choice leaves."""
    from headtorch.rules import chosen

    return chosen(choice.select, choice.ignore)


def newest(folder: Path) -> Path:
    """The newest run file of a folder that can be read. Raises UserError where there is none."""
    from headtorch.store.run import list_runs

    for path, summary in list_runs(folder):
        if not isinstance(summary, str):
            return path
        print(f"headtorch: {summary}; taking the run before it", file=sys.stderr)
    raise UserError(f"no runs in '{folder}': `headtorch run SCRIPT` records one")


def has_errors(found: Report) -> bool:
    """Whether a report names an error."""
    return any(finding.severity == "error" for finding in found.findings)
