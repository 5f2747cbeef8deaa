"""The command line: a command is one file. The script of `run` runs outside the parser, see `main`.

Each command imports what it needs when it is called, so that `headtorch --help` starts quickly.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from headtorch import __version__
from headtorch.cli.check import check
from headtorch.cli.explain import explain
from headtorch.cli.export import export
from headtorch.cli.fix import fix
from headtorch.cli.lab import lab
from headtorch.cli.options import STATUSES
from headtorch.cli.report import report
from headtorch.cli.run import run
from headtorch.cli.runs import runs
from headtorch.cli.training import Training
from headtorch.cli.tune import tune
from headtorch.cli.view import view
from headtorch.model import UserError

__all__ = ["Training", "commands", "main"]


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


for command in (run, check, report, fix, tune, view, runs, explain, lab, export):
    commands.add_command(command)
