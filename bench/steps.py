"""What headtorch adds to a step and to the memory: ordinary trainings beside the same ones under it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

from bench.lockstep import Arm, lockstep
from bench.table import Row, at_most, seen

HERE = Path(__file__).parent
NETS = {"mlp": "MLP", "resnet": "ResNet-20", "gpt": "GPT, 4 layers"}
STEPS = {"mlp": 1000, "resnet": 300, "gpt": 300}
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
    """One network with and without headtorch: its steps, a run of a thousand of them, and the memory."""
    bare, watched = plain(net), headtorch(net, runs)
    lockstep([bare, watched], steps, TURNS[net])
    name = NETS[net]
    if failure := bare.failure or watched.failure:
        yield Row(name, "", failure, False)
        return
    yield seen(f"{name}: a step alone", f"{1e3 * median(bare.wall):.1f} ms, CPU {1e3 * median(bare.cpu):.1f} ms")
    for clock, a, b in (("CPU", bare.cpu, watched.cpu), ("wall", bare.wall, watched.wall)):
        yield seen(f"{name}: median step, the first {DENSE}, {clock}", f"{median(b[:DENSE]) / median(a[:DENSE]):.3f}")
        medians = {"steady state": median(b[DENSE:]) / median(a[DENSE:]), f"all {steps}": median(b) / median(a)}
        for part, ratio in medians.items():
            what = f"{name}: median step, {part}, {clock}"
            # On a busy machine wall time tells of the neighbours, so it is shown and not judged.
            yield at_most(what, ratio, STEP_GOAL) if clock == "CPU" else seen(what, f"{ratio:.3f}")
        yield seen(f"{name}: mean step, steady state, {clock}", f"{mean(b[DENSE:]) / mean(a[DENSE:]):.3f}")
        yield seen(f"{name}: sum of 1000 steps, {clock}", f"{thousand(b) / thousand(a):.3f}")
    if net == "resnet":
        yield at_most(f"{name}: peak memory added", watched.peak - bare.peak, MEMORY_GOAL, " MiB", 1)


def thousand(times: Sequence[float]) -> float:
    """What a thousand steps take: the dense ones as they were, the others at their mean."""
    return sum(times[:DENSE]) + (1000 - DENSE) * mean(times[DENSE:])
