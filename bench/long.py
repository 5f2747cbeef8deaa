"""Trainings of millions of steps: how large their file becomes, what their report takes, whether memory stays flat.

`python -m bench.long` prints a table; about half an hour on two cores. The file is that of a short recording, drawn out
through headtorch's own writer; the memory is that of a real training, recorded, which says itself how much it holds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from bench.commands import mebibytes, seconds
from bench.longrun import density, draw_out, record
from bench.table import Row, at_most, seen, table

FILE_GOAL = 200.0  # MB
GROWTH_GOAL = 2.0  # MiB, over the second half of the steps: the file is packed first in the first half
NETS = {"mlp": "MLP", "resnet": "ResNet-20", "deep": "100 layers"}
PAUSE = 640  # steps: a fast training, of some thousand steps a second
HOLDS = """
import sys, torch
torch.set_num_threads(1)
steps = int(sys.argv[1])
model = torch.nn.Linear(4, 1, bias=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=False)
x = torch.randn(8, 4)
y = x[:, :1]
for step in range(1, steps + 1):
    optimizer.zero_grad()
    ((model(x) - y) ** 2).mean().backward()
    optimizer.step()
    if step % (steps // 10) == 0:
        print(int(open("/proc/self/statm").read().split()[1]) * 4 / 1024, flush=True)
"""


def drawn_out(folder: Path, net: str, steps: int) -> Iterator[Row]:
    """The file of so many steps of a network, its largest size on the way with its log, and its report."""
    short, long = record(folder / net, net), folder / f"{net}.htdb"
    done = threading.Event()
    most = [0]

    def watch() -> None:
        while not done.wait(0.5):
            most[0] = max(most[0], sum(path.stat().st_size for path in folder.glob(long.name + "*") if path.exists()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    draw_out(short, long, steps, PAUSE)
    done.set()
    watcher.join()
    name = f"{NETS[net]}, {steps:,} steps"
    yield at_most(f"{name}: file", long.stat().st_size / 1e6, FILE_GOAL, " MB", 1)
    yield at_most(f"{name}: file and log, at most", most[0] / 1e6, FILE_GOAL, " MB", 1)
    yield seen(f"{name}: values kept", f"{density(long)[0] / 1e6:.1f} million")
    yield seen(f"{name}: report", f"{seconds('-m', 'headtorch', 'report', str(long), repeats=1):.1f} s")
    yield seen(f"{name}: memory of the report", f"{mebibytes('-m', 'headtorch', 'report', str(long)):.0f} MiB")
    long.unlink()


def memory(folder: Path, steps: int) -> Iterator[Row]:
    """What a process holds that trains for so many steps and is recorded, after each tenth of them."""
    script = folder / "holds.py"
    script.write_text(HOLDS)
    command = [sys.executable, "-m", "headtorch", "run", str(script), str(steps)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    held = [float(line) for line in done.stdout.split()]
    yield seen(f"MiB held after each tenth of {steps:,} steps", " ".join(f"{each:.0f}" for each in held))
    yield at_most("  growth over the second half", held[-1] - held[4], GROWTH_GOAL, " MiB", 1)
    yield seen("  growth from the first tenth to the last", f"{held[-1] - held[0]:.1f} MiB")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.long", description="Measure long trainings.")
    parser.add_argument("--steps", type=int, default=10_000_000, help="of the drawn-out runs")
    parser.add_argument("--trained", type=int, default=1_000_000, help="steps of the training whose memory is measured")
    parser.add_argument("--nets", nargs="*", choices=NETS, default=list(NETS), help="networks that are drawn out")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        parts = [memory(Path(folder), chosen.trained)] if chosen.trained else []
        parts += [drawn_out(Path(folder), net, chosen.steps) for net in chosen.nets]
        for part in parts:
            for row in part:
                rows.append(row)
                print(f"  {row.what}: {row.measured}", flush=True)
    print(f"load after: {os.getloadavg()[0]:.1f}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
