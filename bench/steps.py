"""What headtorch adds to a step and to the memory: ordinary trainings beside the same ones under it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.lockstep import Arm, lockstep
from bench.table import Row, at_most, seen

HERE = Path(__file__).parent
NETS = {"mlp": "MLP", "resnet": "ResNet-20", "gpt": "GPT, 4 layers"}
TURNS = {"mlp": 20, "resnet": 1, "gpt": 1}  # steps; a turn should last long beside the change of process
DENSE = 100  # steps that headtorch looks at one by one
STEP_GOAL = 1.03
MEMORY_GOAL = 50.0  # MiB


def plain(net: str) -> Arm:
    """The training alone."""
    return Arm([sys.executable, str(HERE / "nets.py"), net], {})


def headtorch(net: str, runs: Path) -> Arm:
    """The training under headtorch, at its defaults."""
    return Arm([sys.executable, "-m", "headtorch", "run", "--runs", str(runs), str(HERE / "nets.py"), net], {})


def ours(net: str, steps: int, runs: Path) -> Iterator[Row]:
    """One network with and without headtorch: the first steps, the steady state, the whole run, and the memory."""
    bare, watched = plain(net), headtorch(net, runs)
    lockstep([bare, watched], steps, TURNS[net])
    name = NETS[net]
    if bare.failure or watched.failure:
        yield Row(f"{name}", "", bare.failure or watched.failure, False)
        return
    yield seen(f"{name}: a step alone", f"{1e3 * median(bare.wall):.1f} ms, CPU {1e3 * median(bare.cpu):.1f} ms")
    for part, first, last in (("steps 1-100", 0, DENSE), ("steady state", DENSE, steps)):
        for clock, a, b in (("CPU", bare.cpu, watched.cpu), ("wall", bare.wall, watched.wall)):
            ratio = median(b[first:last]) / median(a[first:last])
            what = f"{name}: median step, {part}, {clock}"
            yield at_most(what, ratio, STEP_GOAL) if first else seen(what, f"{ratio:.3f}")
    for clock, a, b in (("CPU", bare.cpu, watched.cpu), ("wall", bare.wall, watched.wall)):
        yield at_most(f"{name}: all {steps} steps, {clock}", sum(b) / sum(a), STEP_GOAL)
        yield seen(f"{name}: steps 101-{steps}, {clock}", f"{sum(b[DENSE:]) / sum(a[DENSE:]):.3f}")
    if net == "resnet":
        yield at_most(f"{name}: peak memory added", watched.peak - bare.peak, MEMORY_GOAL, " MiB", 1)
