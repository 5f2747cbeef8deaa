"""What each tool adds to a step: a training beside itself under the tool, taking their steps in turn."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.lockstep import Arm, lockstep
from bench.peers.environments import group, install, python
from bench.peers.environments import tool as module
from bench.steps import HERE, NETS, headtorch
from bench.table import Row, seen

ROOT = HERE.parent


def arm(tool: str, net: str, folder: Path) -> Arm:
    """The training of nets.py under a tool; `none` is the same attachment with no tool at it."""
    if tool == "headtorch":
        return headtorch(net, "cpu", folder)
    interpreter = sys.executable if tool == "none" else python(group(tool))
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {"PYTHONPATH": path, "WANDB_MODE": "offline", "WANDB_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    command = [interpreter, "-m", "bench.peers.runner", tool, str(folder / f"{tool}.json"), str(HERE / "nets.py"), net]
    return Arm(command, environment)


def overhead(tool: str, net: str, steps: int, pairs: int) -> tuple[float, float] | str:
    """The ratio of the CPU time of all steps and of the median step, or why the tool does not run."""
    means, medians = [], []
    steps = min(steps, getattr(module(tool), "STEPS", steps))
    for _ in range(pairs):
        with tempfile.TemporaryDirectory() as folder:
            # headtorch is no tool that is attached from here: it has nothing of the attachment in its steps.
            bare = Arm([sys.executable, str(HERE / "nets.py"), net], {}) if tool == "headtorch" else None
            bare = bare or arm("none", net, Path(folder))
            watched = arm(tool, net, Path(folder))
            lockstep([bare, watched], steps, 5)
            if watched.failure or bare.failure:
                return f"does not run: {watched.failure or bare.failure}"[:120]
            means.append(sum(watched.cpu) / sum(bare.cpu))
            medians.append(median(watched.cpu) / median(bare.cpu))
    return median(means), median(medians)


def rows(net: str, steps: int, tools: Sequence[str]) -> Iterator[Row]:
    """One network under some tools, for the table of `make bench`."""
    for tool in tools:
        failure = install(group(tool))
        measured = f"cannot be installed: {failure}" if failure else overhead(tool, net, steps, 1)
        ratio = measured if isinstance(measured, str) else f"{measured[0]:.2f}; median step {measured[1]:.2f}"
        yield seen(f"{NETS[net]}: {steps} steps under {tool}, CPU", ratio)
