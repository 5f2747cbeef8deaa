"""headtorch explain: the page of a rule, and its demo."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

import headtorch
from headtorch.cli.options import choice_of
from headtorch.cli.terminal import colourful, columns, show
from headtorch.cli.training import Training
from headtorch.model import UserError


@click.command()
@click.option("--demo", is_flag=True, help="Run the small sick script that shows NAME, live.")
@click.argument("name", metavar="[NAME]", required=False)
def explain(name: str | None, demo: bool) -> Callable[[], NoReturn] | None:
    """Explain the rule NAME: why learning fails, what is measured and healthy, how it is fixed, when to ignore it.

    Without NAME, list the rules by family.
    """
    from headtorch.render import catalogue
    from headtorch.rules import all_rules, rule_named

    if name is None:
        show(catalogue.listed(all_rules(), width=columns(), colour=colourful(sys.stdout)))
        return None
    rule = rule_named(name)
    script = Path(headtorch.__file__).parent / "demos" / f"{rule.name.replace('-', '_')}.py"
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
            choice=choice_of((), ()),
        )
    show(catalogue.explained(rule, width=columns(), colour=colourful(sys.stdout)))
    return None
