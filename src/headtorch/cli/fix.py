"""headtorch fix: changes that are tried, and those that a re-run verifies, written."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headtorch.cli.offer import offer
from headtorch.cli.options import (
    choice_of,
    cluster_option,
    ignore_option,
    jobs_option,
    module_option,
    newest,
    report_option,
    rules_of,
    runs_option,
    select_option,
)
from headtorch.cli.terminal import colourful, columns, show


@click.command(
    options_metavar="[OPTIONS]",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Exit status:
  0  a change is verified, or there is nothing to fix
  1  nothing that was tried gains on every seed
  2  headtorch itself was used wrongly or could not start
""",
)
@report_option
@select_option
@ignore_option
@runs_option
@click.option("--apply", "applies", is_flag=True, help="Write the verified changes into the script, without asking.")
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a patched copy of the script to FILE."
)
@click.option("--budget", metavar="TIME", default="10m", show_default=True, help="Spend no more: 60s, 10m, 2h.")
@click.option("--seeds", metavar="N", type=click.IntRange(1), default=2, show_default=True, help="Pairs of runs.")
@jobs_option
@module_option
@cluster_option
@click.argument("target", metavar="[RUN | SCRIPT]", required=False)
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def fix(
    reports: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    runs: Path,
    applies: bool,
    output: Path | None,
    budget: str,
    seeds: int,
    jobs: int | None,
    as_module: bool,
    cluster: str,
    target: str | None,
    arguments: tuple[str, ...],
) -> int:
    """Try changes for what is wrong with SCRIPT, or with the script of RUN, and show those that a re-run verifies.

    The script runs several times, in a scratch copy of its folder. Nothing of yours is touched before --apply or a yes.
    What a copy cannot contain: the network, databases, devices, and absolute paths that compiled code writes to.
    Without RUN and SCRIPT, the newest run is taken.
    """
    from headtorch import render
    from headtorch.render import text
    from headtorch.trials import command

    for path in reports:
        render.check_path(path)
    wanted = command.Wanted(
        subject=command.subject(target or str(newest(runs)), arguments, as_module=as_module),
        runs=runs.absolute(),
        rules=rules_of(choice_of(select, ignore)),
        seconds=command.seconds(budget),
        seeds=seeds,
        jobs=jobs,
        cluster=cluster,
    )
    done = command.fix(wanted, lambda text: print(f"headtorch: {text}", file=sys.stderr, flush=True))
    show(text.render(done.shown, done.patch.sources, width=columns(), colour=colourful(sys.stdout)))
    for path in reports:
        render.write(done.report, done.patch.sources, path)
    if not done.patch.changed:
        return int(done.report.verdict == "faulty")
    offer(done.patch, output, applies)
    return 0
