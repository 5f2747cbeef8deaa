"""headtorch export: a run written for another program."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--to", metavar="PATH", type=click.Path(path_type=Path), help="Write there.")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("target", metavar="tensorboard|wandb|mlflow|csv")
def export(run: Path, target: str, to: Path | None) -> None:
    """Write RUN for another program, with that program's own library: `pip install 'headtorch[tensorboard]'`, or
    wandb, or mlflow. All of them write files here; nothing is sent.
    """
    from headtorch import export as exports
    from headtorch.diagnose import diagnose
    from headtorch.model import UserError

    chosen = exports.target_named(target)
    report, sources = diagnose(run)
    contents = exports.contents(run, report, sources)
    place = to or Path(chosen.place.format(name=contents.name))
    try:
        chosen.export(contents, place)
    except OSError as error:
        raise UserError(f"cannot export to '{place}': {error.strerror or error}") from error
    print(f"headtorch: {len(contents.curves)} curves in '{place}'; open with {chosen.opened_by.format(place=place)}")
