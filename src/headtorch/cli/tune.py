"""headtorch tune: a search over a script's numbers, begun by its diagnosis."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headtorch.cli.offer import offer
from headtorch.cli.options import cluster_option, jobs_option, module_option, runs_option
from headtorch.cli.terminal import colourful, columns, show


@click.command(
    options_metavar="[OPTIONS]",
    context_settings={"allow_interspersed_args": False},
    epilog="""\b
Exit status:
  0  better numbers are verified
  1  nothing that was tried is better on every seed
  2  headtorch itself was used wrongly or could not start
""",
)
@runs_option
@click.option("--apply", "applies", is_flag=True, help="Write the verified numbers into the script, without asking.")
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a patched copy of the script to FILE."
)
@click.option(
    "--budget",
    metavar="AMOUNT",
    default="10m",
    show_default=True,
    help="Spend no more: 60s, 10m, 2h, or so many training steps, '2000 steps'.",
)
@click.option(
    "--seeds", metavar="N", type=click.IntRange(2), default=3, show_default=True, help="Pairs of runs of a verdict."
)
@jobs_option
@module_option
@cluster_option
@click.option(
    "--study",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The SQLite file of the Optuna study.  [default: SCRIPT.study.db in the folder of the runs]",
)
@click.argument("script")
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
def tune(
    runs: Path,
    applies: bool,
    output: Path | None,
    budget: str,
    seeds: int,
    jobs: int | None,
    as_module: bool,
    cluster: str,
    study: Path | None,
    script: str,
    arguments: tuple[str, ...],
) -> int:
    """Search for better numbers in SCRIPT: learning rate first, then schedule, batch size, width, depth, weight decay.

    The search begins where the diagnosis of the script points, stops what is hopeless, and calls better only what fresh
    seeds confirm. It is an Optuna study in a file; the same command goes on with it. The script runs many times, in a
    scratch copy of its folder, as for `headtorch fix`. Nothing of yours is touched before --apply or a yes.
    """
    from headtorch.render.tuned import render
    from headtorch.trials.command import subject
    from headtorch.tuning import command

    def say(text: str) -> None:
        print(f"headtorch: {text}", file=sys.stderr, flush=True)

    wanted = command.Wanted(
        subject=subject(script, arguments, as_module=as_module),
        runs=runs.absolute(),
        study=(study or runs / f"{Path(script).name}.study.db").absolute(),
        budget=command.budget(budget),
        seeds=seeds,
        jobs=jobs,
        cluster=cluster,
    )
    tuned, patch = command.tune(wanted, say)
    show(render(tuned, width=columns(), colour=colourful(sys.stdout)))
    if tuned.tried.verdict != "VERIFIED":
        return 1
    offer(patch, output, applies)
    return 0
