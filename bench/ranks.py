"""A job of many ranks: writers that record as a rank's process does, then one reader that compares them all.

    python -m bench.ranks                  # 64 writers
    python -m bench.ranks --writers 1000

It prints what a rank writes, how long the reader takes for all, and, of a small group of processes on gloo, what one
all-reduce of the weights' lengths would cost on a looked-at step. headtorch makes none.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from headtorch.diagnose import diagnose
from headtorch.record.schedule import LEVELS
from headtorch.record.writer import Writer
from headtorch.rules import rule_named
from headtorch.store.records import Objective, Parameter

PROCESSES = 4  # that share the writers
EXAMPLES = 64  # marks of a batch, as in `record/quantities/fingerprint.py`
PER_PARAMETER = ("weight_norm", "grad_norm", "update_ratio")
RULES = ("ranks-out-of-sync", "data-not-sharded", "ranks-uneven")


def write(folder: Path, ranks: range, of: int, steps: int, parameters: int) -> None:
    """The run files of some ranks, recorded one step after the other in all of them at once."""
    began = time.time()
    writers = [Writer(folder / f"bench-rank{rank}.htdb") for rank in ranks]
    for rank, writer in zip(ranks, writers, strict=True):
        for key, value in {"rank": rank, "ranks": of, "job": "bench", "started": began, "script": "bench.py"}.items():
            writer.fact(key, value)
        numbers = tuple(range(parameters))
        writer.record("objective", 0, Objective(0, 0, parameters=numbers, reached=numbers))
        for number in numbers:
            writer.record("parameter", number, Parameter(number, f"layer{number}.weight", (64, 64), True))
    chance = np.random.default_rng(ranks.start)
    for step in range(steps):
        for writer in writers:
            writer.sample(0, "loss", step, [1.0 / (step + 1), 1.0])
            if LEVELS["default"].looked_at(step):
                for quantity in PER_PARAMETER:
                    writer.sample(0, quantity, step, [1.0 + step * 1e-4] * parameters)
                writer.sample(0, "fingerprint", step, chance.integers(0, 2**24, EXAMPLES).astype(float).tolist())
            writer.step_done()
    for writer in writers:
        writer.fact("ended", time.time())
        writer.fact("ending", "finished")
        writer.close()


def reduce(rank: int, of: int, folder: Path, parameters: int, times: int) -> None:
    """Print what one all-reduce of a number for each parameter takes on gloo, the median."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=of)
    lengths, taken = torch.ones(parameters), []
    for _ in range(times):
        start = time.perf_counter()
        dist.all_reduce(lengths)
        taken.append(time.perf_counter() - start)
    if rank == 0:
        print(f"an all-reduce of {parameters} numbers, {of} processes on gloo: {np.median(taken) * 1e3:.2f} ms")
    dist.destroy_process_group()


def together(processes: list[BaseProcess]) -> None:
    """Run processes to their ends."""
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a process of the bench ended with status {process.exitcode}")


def main() -> None:
    """Parse the command line, write, read, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ranks", description="Measure a job of many ranks.")
    parser.add_argument("--writers", type=int, default=64, help="ranks of the job")
    parser.add_argument("--steps", type=int, default=1000, help="of each rank")
    parser.add_argument("--parameters", type=int, default=100, help="of the network")
    chosen = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    ranks = range(chosen.writers)
    with tempfile.TemporaryDirectory() as name:
        folder, start = Path(name), time.perf_counter()
        shares = [ranks[len(ranks) * i // PROCESSES : len(ranks) * (i + 1) // PROCESSES] for i in range(PROCESSES)]
        rest = (chosen.writers, chosen.steps, chosen.parameters)
        together([spawn.Process(target=write, args=(folder, share, *rest)) for share in shares if share])
        wrote = time.perf_counter() - start
        sizes = [path.stat().st_size for path in folder.glob("*.htdb")]
        looked = sum(map(LEVELS["default"].looked_at, range(chosen.steps)))
        each = 8 + EXAMPLES * 4 + 8 + len(PER_PARAMETER) * (8 + 4 * chosen.parameters)
        print(f"{chosen.writers} ranks, {chosen.steps:,} steps, {looked} looked at, {chosen.parameters} parameters")
        print(f"payload: 16 bytes a step, and {each:,} more on a looked-at step")
        print(f"files: {np.mean(sizes) / 1e3:,.0f} kB a rank, {np.mean(sizes) / chosen.steps:,.0f} bytes a step")
        print(f"writing, {PROCESSES} processes: {wrote:.1f} s, {wrote / sum(sizes) * 1e6:.2f} s a MB")
        start = time.perf_counter()
        report, _ = diagnose(folder / "bench-rank0.htdb", [rule_named(rule) for rule in RULES])
        taken = time.perf_counter() - start
        told = ", ".join(finding.rule for finding in report.findings) or "nothing"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"one reader: {taken:.2f} s, {taken / chosen.writers * 1e3:.1f} ms a rank, {memory:.0f} MiB at most")
        print(f"it found {told}; {len(report.notices)} notices", flush=True)
        of = min(PROCESSES, os.cpu_count() or 1)
        together([spawn.Process(target=reduce, args=(rank, of, folder, chosen.parameters, 1000)) for rank in range(of)])


if __name__ == "__main__":
    main()
