"""What headtorch adds to a step and to the memory: ordinary trainings beside the same ones under it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

from bench.lockstep import Arm, lockstep
from bench.table import Row, at_most, seen

HERE = Path(__file__).parent
NETS = {"mlp": "MLP", "resnet": "ResNet-20", "gpt": "GPT, 4 layers", "lstm": "LSTM", "resnet152": "ResNet-152"}
STEPS = {"mlp": 300, "resnet": 130, "gpt": 120, "lstm": 150, "resnet152": 120}
TURNS = {"mlp": 20, "resnet": 1, "gpt": 1, "lstm": 1, "resnet152": 1}  # steps, long beside the change of process
# Where a process happens to lie in memory makes its steps a few percent slower or faster for all its life. So each
# network is measured in several pairs of fresh processes, and in more where a step is short.
PAIRS = {"mlp": 25, "resnet": 9, "gpt": 9, "lstm": 9, "resnet152": 9}
DENSE = 100  # steps that headtorch looks at one by one, as it does at all with --level deep
STEP_GOAL = 1.02
DEEP_GOAL = 1.10
MEMORY_GOAL = 50.0  # MiB


def devices() -> list[str]:
    """Where networks are trained: on the CPU, and on a GPU where one is there."""
    import torch  # not above: a process counts in its peak memory what held its parent when it was forked

    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def plain(net: str, device: str) -> Arm:
    """The training alone."""
    return Arm([sys.executable, str(HERE / "nets.py"), net, device], {})


def headtorch(net: str, device: str, runs: Path) -> Arm:
    """The training under headtorch, at its defaults."""
    command = [sys.executable, "-m", "headtorch", "run", "--runs", str(runs), str(HERE / "nets.py"), net, device]
    return Arm(command, {})


def ours(net: str, device: str, steps: int, runs: Path) -> Iterator[Row]:
    """One network with and without headtorch: its steps, a run of a thousand of them, and the memory."""
    pairs: list[tuple[Arm, Arm]] = []
    name = NETS[net] if device == "cpu" else f"{NETS[net]} on a GPU"
    judged = "CPU" if device == "cpu" else "wall"  # on a busy machine wall time tells of the neighbours
    for _ in range(PAIRS[net]):
        bare, watched = plain(net, device), headtorch(net, device, runs)
        lockstep([bare, watched], steps, TURNS[net])
        if failure := bare.failure or watched.failure:
            yield Row(name, "", failure, False)
            return
        pairs.append((bare, watched))
    alone = [(median(bare.wall), median(bare.cpu)) for bare, _ in pairs]
    wall, cpu = (1e3 * median(column) for column in zip(*alone, strict=True))
    yield seen(f"{name}: a step alone", f"{wall:.1f} ms, CPU {cpu:.1f} ms")
    for clock in ("CPU", "wall"):
        times = [(bare.cpu, watched.cpu) if clock == "CPU" else (bare.wall, watched.wall) for bare, watched in pairs]
        dense = [median(b[:DENSE]) / median(a[:DENSE]) for a, b in times]
        steady = [median(b[DENSE:]) / median(a[DENSE:]) for a, b in times]
        for which, ratios, limit in (("deep", dense, DEEP_GOAL), ("default", steady, STEP_GOAL)):
            met = median(ratios) <= limit if clock == judged else None
            goal = f"<= {limit:g}" if clock == judged else ""
            yield Row(f"{name}: median step, {which}, {clock}", goal, _spread(ratios), met)
        means = [mean(b[DENSE:]) / mean(a[DENSE:]) for a, b in times]
        yield seen(f"{name}: mean step, steady state, {clock}", _spread(means))
        yield seen(f"{name}: sum of 1000 steps, {clock}", _spread([thousand(b) / thousand(a) for a, b in times]))
    if net == "resnet" and device == "cpu":
        added = median(watched.peak - bare.peak for bare, watched in pairs)
        yield at_most(f"{name}: peak memory added", added, MEMORY_GOAL, " MiB", 1)


def _spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def thousand(times: Sequence[float]) -> float:
    """What a thousand steps take: the dense ones as they were, the others at their mean."""
    return sum(times[:DENSE]) + (1000 - DENSE) * mean(times[DENSE:])
