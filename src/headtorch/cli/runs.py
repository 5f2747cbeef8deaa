"""headtorch runs: a list of run files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headtorch.cli.options import runs_option
from headtorch.cli.terminal import columns, show

if TYPE_CHECKING:
    from headtorch.model import RunSummary

NARROWEST = 12  # columns for the name of a script


@click.command()
@runs_option
def runs(runs: Path) -> None:
    """List the run files of a folder, newest first."""
    from headtorch.render.visible import visible
    from headtorch.store.run import list_runs

    rows: list[tuple[str, ...]] = [("file", "steps", "loss", "ending", "script")]
    refusals = []
    for path, summary in list_runs(runs):
        if isinstance(summary, str):
            refusals.append(f"headtorch: {summary}")
        else:
            rows.append(_row(path, summary))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = max(NARROWEST, columns() - sum(widths[:-1]) - 2 * len(widths[:-1]))
    lines = ["  ".join(map(_fitted, row, widths)).rstrip() for row in rows]
    if len(rows) == 1:
        lines = [] if refusals else [f"no runs in '{runs}'"]
    show("".join(visible(line) + "\n" for line in lines + refusals))


def _row(path: Path, run: RunSummary) -> tuple[str, ...]:
    from headtorch.render.snippet import short_path

    loss = "-" if run.last_loss is None else f"{run.last_loss:.4g}"
    return (path.name, str(run.steps), loss, run.ending, short_path(run.script))


def _fitted(cell: str, width: int) -> str:
    """A cell in its column; of one that is too long, the end: that of a path tells most."""
    return cell.ljust(width) if len(cell) <= width else "…" + cell[1 - width :]
