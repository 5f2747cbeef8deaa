"""headtorch explain: the page of a rule, and its demo."""

from __future__ import annotations

import re
import sys
import tempfile
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
        # In a folder of its own: lines in headtorch's own would be taken for its own, and the user's runs are his.
        try:
            folder = Path(tempfile.mkdtemp(prefix="headtorch-demo-"))
            copy = folder / script.name
            copy.write_text(_without_answers(script.read_text(encoding="utf-8")), encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot copy the demo into a temporary folder: {error.strerror}") from error
        # A demo of several processes starts this command again in each of them: they need one folder.
        sys.orig_argv = [sys.executable, "-m", "headtorch", "run", f"--runs={folder}", str(copy)]
        return Training(
            script=str(copy),
            arguments=(),
            as_module=False,
            reports=(),
            runs=folder,
            check=False,
            choice=choice_of((), ()),
        )
    show(catalogue.explained(rule, width=columns(), colour=colourful(sys.stdout)))
    return None


def _without_answers(text: str) -> str:
    """A demo without the comments by which tests know its fault and its cure."""
    return re.sub(r"(?m)^ *# cure:.*\n|  # expect: [a-z-]+$", "", text)
