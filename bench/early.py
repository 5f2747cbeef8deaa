"""What the rules say of sound trainings that were cut off early: `python -m bench.early RUN... --steps 5 10 20`.

A rule that takes a beginning for a fault cries wolf in every smoke test, and on the live page of every training.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from headtorch.diagnose import diagnose
from headtorch.store.records import Objective


def cut_off(run: Path, steps: int, copy: Path) -> None:
    """Copy a run file as it would be, had the training ended after some backward passes; it must not be packed."""
    shutil.copy(run, copy)
    with closing(sqlite3.connect(copy)) as db, db:
        if db.execute("SELECT COUNT(*) FROM packed").fetchone()[0]:
            raise SystemExit(f"'{run}' is packed: it is of a long training")
        for number, width, at, samples in db.execute("SELECT id, width, steps, samples FROM block").fetchall():
            kept = np.frombuffer(at, "<i8") < steps
            rows = np.frombuffer(samples, "<f4").reshape(-1, width)
            if not kept.any():
                db.execute("DELETE FROM block WHERE id = ?", (number,))
            elif not kept.all():
                parts = np.frombuffer(at, "<i8")[kept].tobytes(), rows[kept].tobytes()
                db.execute("UPDATE block SET steps = ?, samples = ? WHERE id = ?", (*parts, number))
        db.execute("DELETE FROM event WHERE step >= ?", (steps,))
        for number, value in db.execute("SELECT id, value FROM record WHERE kind = 'objective'").fetchall():
            if msgspec.json.decode(value, type=Objective).first_step >= steps:
                db.execute("DELETE FROM record WHERE kind = 'objective' AND id = ?", (number,))


def told(runs: Sequence[Path], steps: int) -> tuple[int, Counter[str]]:
    """Of how many runs, cut off, an error is told; and how often each rule tells an error or a warning."""
    wrong, rules = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            copy = Path(folder, "cut.htdb")
            cut_off(run, steps, copy)
            found = [each for each in diagnose(copy)[0].findings if each.severity in ("error", "warning")]
            wrong += any(each.severity == "error" for each in found)
            rules.update(f"{each.severity} {each.rule}" for each in found)
    return wrong, rules


def main() -> None:
    """Parse the command line and print a line for each number of steps."""
    parser = argparse.ArgumentParser(prog="python -m bench.early", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="run files of sound trainings")
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 3, 5, 10, 20, 50, 100])
    chosen = parser.parse_args()
    for steps in chosen.steps:
        wrong, rules = told(chosen.runs, steps)
        names = ", ".join(f"{number} {rule}" for rule, number in rules.most_common())
        print(f"after {steps} steps: an error on {wrong} of {len(chosen.runs)}; {names or 'nothing told'}", flush=True)


if __name__ == "__main__":
    main()
