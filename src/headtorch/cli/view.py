"""headtorch view: finished and running trainings in the browser."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headtorch.cli.options import choice_of, ignore_option, rules_of, runs_option, select_option
from headtorch.cli.terminal import show


@click.command()
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="Listen on this port; 0 is any.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--until-left", is_flag=True, help="End when RUN has ended and no page has been open for a minute.")
@select_option
@ignore_option
@runs_option
@click.argument("files", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
def view(
    files: tuple[Path, ...],
    port: int,
    no_browser: bool,
    until_left: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
) -> int:
    """Show run files in the browser: findings, the loss, the inside of the network, the source.

    Without RUN, a list of all; with several, one over the other and what differs between them. A training that runs is
    followed live. The labs are there too, with live knobs. The page is served to this machine alone, and only reads.
    """
    from headtorch.store.run import Run
    from headtorch.web.server import serve

    rules = rules_of(choice_of(select, ignore))
    for path in files:
        Run(path).close()  # what is no run file is refused before anything is served

    def say(words: str) -> None:
        show(f"{words}\n")
        sys.stdout.flush()

    serve(
        runs,
        files,
        rules,
        port=port,
        browser=not no_browser,
        until_left=until_left,
        say=say,
    )
    return 0
