"""headtorch lab: the list of the labs, and one of them run in the terminal."""

from __future__ import annotations

import sys

import click

from headtorch.cli.terminal import colourful, columns, show
from headtorch.model import UserError


@click.command()
@click.option("--set", "settings", metavar="KNOB=VALUE", multiple=True, help="Turn a knob. May be given several times.")
@click.argument("name", metavar="[NAME]", required=False)
def lab(settings: tuple[str, ...], name: str | None) -> None:
    """Run the lab NAME, a small experiment on one concept: its question, its picture, its answer.

    Without NAME, list the labs in the order in which to read them.
    """
    from headtorch.labs import all_labs, lab_named, loaded
    from headtorch.render import lab as page

    width, colour = columns(), colourful(sys.stdout)
    if name is None:
        show(page.listed(all_labs(), width=width, colour=colour))
        return
    chosen = lab_named(name)
    texts = dict(setting.partition("=")[::2] for setting in settings)
    for setting in settings:
        if "=" not in setting:
            raise UserError(f"'{setting}' sets no knob: write --set KNOB=VALUE")
    module = loaded(chosen)
    from headtorch.labs.kit.knobs import turned

    knobs = turned(module.Knobs, texts)
    show(page.opened(chosen, knobs, width=width, colour=colour))
    last = None
    try:
        for last in module.frames(knobs):
            if sys.stderr.isatty():
                print(f"\r{last.progress:4.0%}", end="", file=sys.stderr, flush=True)
    except ModuleNotFoundError as error:
        raise UserError(f"the lab '{name}' needs {error.name}: install `headtorch[labs]`") from error
    finally:
        if sys.stderr.isatty():
            print("\r    \r", end="", file=sys.stderr, flush=True)
    assert last is not None
    show(page.shown(last, width=width, colour=colour))
    if sys.stdin.isatty() and sys.stdout.isatty():
        click.pause("Think, then press a key for the answer. ")
    show(page.answered(chosen, width=width, colour=colour))
