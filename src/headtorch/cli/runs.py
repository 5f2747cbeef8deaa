"""headtorch runs: a list of run files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headtorch.cli.terminal import show

if TYPE_CHECKING:
    from headtorch.model import RunSummary


@click.command()
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
    show("".join(visible(line) + "\n" for line in lines + refusals))


def _row(path: Path, run: RunSummary) -> tuple[str, ...]:
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    loss = "-" if run.last_loss is None else f"{run.last_loss:.4g}"
    return (path.name, run.script, started, str(run.steps), loss, run.ending)
