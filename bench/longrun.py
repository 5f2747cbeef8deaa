"""A long run: a short recording of a deep network, drawn out to many steps through headtorch's own writer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from bench.commands import mebibytes, seconds
from bench.lockstep import Arm
from bench.steps import headtorch
from bench.table import Row, at_most, seen
from headtorch.record import writer as writing
from headtorch.record.schedule import LEVELS
from headtorch.store import records
from headtorch.store.run import Run

RECORDED = 100  # steps
FILE_GOAL = 6.0  # MB for a million values
REPORT_GOAL = 2.0  # seconds
MEMORY_GOAL = 500.0  # MiB
HELP_GOAL = 0.2  # seconds
KINDS = {
    "objective": records.Objective,
    "parameter": records.Parameter,
    "module": records.Module,
    "optimizer": records.Optimizer,
}


def record(runs: Path, net: str = "deep") -> Path:
    """The run file of a hundred steps of a network, one of a hundred layers."""
    arm: Arm = headtorch(net, "cpu", runs)
    arm.turn(RECORDED)
    arm.end()
    return next(runs.glob("*.htdb"))


def draw_out(short: Path, long: Path, steps: int, pause: int = writing.COMMIT_STEPS) -> None:
    """Write a run file of `steps` steps, with what `short` recorded over and over and a loss that falls on.

    The writer's thread is made to look every `pause` steps: 64 as in a training of some milliseconds a step.
    """
    writing.LOOK_EVERY = 0.001
    source = sqlite3.connect(short)
    run = Run(short)
    writer = writing.Writer(long)
    for key, value in run.facts.items():
        writer.fact(key, value)
    for file, text in run.sources.items():
        writer.source(file, text)
    for kind, number, value in source.execute("SELECT kind, id, value FROM record"):
        writer.record(kind, number, msgspec.json.decode(value, type=KINDS[kind]))
    for step, kind, value in source.execute("SELECT step, kind, value FROM event"):
        writer.event(step, kind, **msgspec.json.decode(value))
    series = {key: run.series(*key) for key in source.execute("SELECT DISTINCT quantity, owner FROM block")}
    once = {key for key, (at, _) in series.items() if len(at) < RECORDED // 2}
    always = {key for key in series if key[0] == "loss"}
    losses = np.geomspace(2.3, 0.01, steps) * np.random.default_rng(0).uniform(0.9, 1.1, steps)
    for quantity, owner in once:
        for step, values in zip(*series[quantity, owner], strict=True):
            writer.sample(owner, quantity, int(step), values.tolist())
    for step in range(steps):
        for quantity, owner in series.keys() - once if LEVELS["default"].looked_at(step) else always:
            values = series[quantity, owner].values[step % len(series[quantity, owner].steps)].tolist()
            writer.sample(owner, quantity, step, [float(losses[step]), *values[1:]] if quantity == "loss" else values)
        writer.step_done()
        if step % pause == 0:
            time.sleep(2 * writing.LOOK_EVERY)
    writer.close()
    run.close()
    source.close()


def density(path: Path) -> tuple[int, float]:
    """How many values a run file holds, and its megabytes for a million of them."""
    file = sqlite3.connect(path)
    values: int = file.execute(
        "SELECT SUM(values_) FROM (SELECT LENGTH(samples) / 4 AS values_ FROM block "
        "UNION ALL SELECT rows * width FROM packed)"
    ).fetchone()[0]
    file.close()
    return values, path.stat().st_size / values


def rows(folder: Path, steps: int) -> Iterator[Row]:
    """The size of a long run's file, and the time that its report takes."""
    short, long = record(folder / "short"), folder / "long.htdb"
    draw_out(short, long, steps)
    values, megabytes = density(long)
    name = f"run of {steps} steps, 100 layers"
    yield seen(f"{name}: values in the file", f"{values / 1e6:.2f} million in {long.stat().st_size / 1e6:.1f} MB")
    yield at_most(f"{name}: file for a million values", megabytes, FILE_GOAL, " MB", 2)
    interpreter = seconds("-c", "pass")
    report = seconds("-m", "headtorch", "report", str(long))
    yield at_most(f"{name}: report, interpreter's start taken off", report - interpreter, REPORT_GOAL, " s", 2)
    yield at_most(f"{name}: report, whole process", report, REPORT_GOAL, " s", 2)
    held = mebibytes("-m", "headtorch", "report", str(long))
    yield at_most(f"{name}: memory that the report holds at most", held, MEMORY_GOAL, " MiB", 0)
    yield at_most("headtorch --help", seconds("-m", "headtorch", "--help"), HELP_GOAL, " s")
    yield seen("  of which Python itself", f"{interpreter:.3f} s")
