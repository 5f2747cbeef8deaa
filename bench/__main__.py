"""Entry point: measure everything and print one table."""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path

from bench import longrun, page, start, steps
from bench.peers import overhead
from bench.table import Row, markdown, seen, table

PAGE = """# What headtorch costs, measured

Made by `make bench`; do not edit. What is measured, and how, stands in [bench/README.md](../bench/README.md).

Run on {date} with PyTorch {torch}, one thread for each training. A step is a ratio to the same training alone beside
it, the median of several pairs of processes, and in brackets the least and the greatest. "Default" are the steps after
the first hundred, "deep" those that are looked at: the first hundred, and all with `--level deep`.

{rows}
"""
PEERS = ("torchmortem", "cockpit", "wandb_watch", "tensorboard")


def measure(runs: Path, share: float, peer_steps: int, long: int) -> Iterator[Row]:
    """Every row of the table."""
    yield from longrun.rows(runs, long)
    yield from page.rows(runs)
    yield from start.rows(runs)
    for device, net in itertools.product(steps.devices(), steps.NETS):
        folder = runs / device / net
        yield from steps.ours(net, device, max(round(steps.STEPS[net] * share), steps.DENSE + 20), folder)
        if device == "cpu":
            density = longrun.density(next(folder.glob("*.htdb")))[1]
            yield seen(f"{steps.NETS[net]}: file for a million values", f"{density:.2f} MB")
    for net in steps.NETS:
        yield from overhead.rows(net, peer_steps, PEERS)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what headtorch costs.")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of steps, for a quick look")
    parser.add_argument("--peer-steps", type=int, default=100, help="of each network under each other tool")
    parser.add_argument("--long", type=int, default=100_000, help="steps of the long run that is diagnosed")
    parser.add_argument("--write", type=Path, help="a page for the table, as docs/bench.md")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        for row in measure(Path(folder), chosen.share, chosen.peer_steps, chosen.long):
            rows.append(row)
            print(f"  {row.what}: {row.measured}", flush=True)
    print(f"load after: {os.getloadavg()[0]:.1f}\n\n{table(rows)}")
    if chosen.write:
        chosen.write.write_text(PAGE.format(date=datetime.date.today(), torch=version_of("torch"), rows=markdown(rows)))


if __name__ == "__main__":
    main()
