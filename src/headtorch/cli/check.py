"""headtorch check: a script examined in a few hundred steps, before hours are spent on it."""

from __future__ import annotations

import sys

import click

from headtorch.cli.options import module_option
from headtorch.cli.terminal import colourful, columns, show


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Exit status:
  0  no exam failed
  1  an exam failed
  2  headtorch itself was used wrongly or could not start
""",
)
@module_option
@click.argument("script")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def check(as_module: bool, script: str, arguments: tuple[str, ...]) -> int:
    """Examine SCRIPT in about 300 steps.

    Certain faults, the first loss, whether it can learn three examples by heart and whether the labels matter, which
    learning rates lower the loss, how long an epoch takes.

    The script runs four times for a short while, in scratch copies of its folder. Nothing of yours is touched.
    """
    from headtorch.exams import checkup
    from headtorch.render.checkup import render
    from headtorch.trials.command import subject

    wanted = subject(script, arguments, as_module=as_module)
    done = checkup(wanted, lambda text: print(f"headtorch: {text}", file=sys.stderr, flush=True))
    show(render(done, width=columns(), colour=colourful(sys.stdout)))
    return int(any(examined.state == "fails" for examined in done.examined))
