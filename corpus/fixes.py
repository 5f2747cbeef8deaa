"""Cures over the corpus: `python -m corpus.fixes [FOLDER ...]`, or `make fixes`.

`headtorch fix` is run on each fault. A fault counts as recovered when its patched script reaches four fifths of the way
from the faulty figure to the cured twin's. A patch that was called VERIFIED is run once more with a seed that no trial
has used, beside the faulty script with that seed: it is confirmed when it comes out clearly better there too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

from corpus.accuracy import HERE, Case, cases

LIMIT = 1200  # seconds a call of `fix`
FRESH = "7"  # a seed: trials use 0 and the numbers that they add to it
RECOVERED = 0.8  # of the way from the faulty to the cured figure
CLEAR = 0.1  # of that way


class Cure(NamedTuple):
    """What came of a fault: its share of the way to the cured figure, on the known and on a fresh seed; NaN without a
    patch. `cost` is the CPU time of `fix` and of all its trials, in runs of the script; `verified` names what was
    verified, in order."""

    case: Case
    gain: float
    fresh: float
    cost: float
    verified: list[str]


def result(script: Path, seed: str) -> tuple[float, float]:
    """The figure that a script prints last, NaN for none, and the CPU time it took in seconds."""
    printed, seconds = execute([sys.executable, script.name], script.parent, seed)
    figures = re.findall(r"^RESULT \S+ (\S+)", printed, re.MULTILINE)
    return float(figures[-1]) if figures else math.nan, seconds


def execute(command: list[str], folder: Path, seed: str) -> tuple[str, float]:
    """What a command prints, and the CPU time of it and of all the processes that it waited for, in seconds."""
    environment = dict(os.environ, SEED=seed, PYTHONHASHSEED="0", OMP_NUM_THREADS="1")
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.DEVNULL
        )
        late = threading.Timer(LIMIT, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        return printed.read(), usage.ru_utime + usage.ru_stime


def share(faulty: float, cured: float, now: float) -> float:
    """How much of the way from the faulty to the cured figure another one has gone; of a NaN, all or nothing."""
    if math.isnan(now):
        return -math.inf
    if math.isnan(faulty):
        return float(abs(now - cured) <= (1 - RECOVERED) * max(abs(cured), 1e-9))
    return (now - faulty) / (cured - faulty) if cured != faulty else math.nan


def cure(case: Case) -> Cure:
    """Run `headtorch fix` on one fault, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script, patched, report = (Path(folder, name) for name in ("train.py", "patched.py", "report.json"))
        script.write_bytes(case.script.read_bytes())
        faulty, seconds = result(script, "0")
        fix = ["-m", "headtorch", "fix", "--output", str(patched), "--report", str(report), str(script)]
        cost = execute([sys.executable, *fix], script.parent, "0")[1] / seconds
        findings = json.loads(report.read_text(encoding="utf-8"))["findings"] if report.exists() else []
        verified = [f["rule"] for f in findings if f["tried"] and f["tried"]["verdict"] == "VERIFIED"]
        if not patched.exists():
            return Cure(case, -math.inf, math.nan, cost, verified)
        cured, cured_fresh = ([*case.truth["fixed"], math.nan][number] for number in (0, 1))
        if math.isnan(cured_fresh):
            cured_fresh = cured
        gain = share(faulty, cured, result(patched, "0")[0])
        fresh = share(result(script, FRESH)[0], cured_fresh, result(patched, FRESH)[0])
        return Cure(case, gain, fresh, cost, verified)


def line_of(cure: Cure) -> str:
    """One line on a fault."""
    verdict = "recovered" if cure.gain >= RECOVERED else "not cured" if cure.gain < CLEAR else f"{cure.gain:.0%}"
    refuted = "  NOT CONFIRMED" if cure.verified and not cure.fresh > CLEAR else ""
    name, truth = cure.case.script.parent.name, cure.case.truth["cause"]
    return f"{name:34}{truth:28}{verdict:10}{cure.cost:5.1f} runs  {', '.join(cure.verified)}{refuted}"


def main() -> None:
    """Cure the corpus and print a line a fault, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    done: list[Cure] = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for each in pool.map(cure, [case for case in cases(args.folders) if case.kind == "faulty"]):
            print(line_of(each), flush=True)
            done.append(each)
    patches = [each for each in done if each.verified and math.isfinite(each.gain)]
    named = sum(bool(set(each.verified[:1]) & each.case.causes) for each in done)
    print(
        f"recovered {sum(each.gain >= RECOVERED for each in done)}/{len(done)}"
        f"  confirmed on a fresh seed {sum(each.fresh > CLEAR for each in patches)}/{len(patches)}"
        f"  first verified is the cause {named}/{len(done)}"
        f"  median cost {median(each.cost for each in done):.1f} runs"
    )


if __name__ == "__main__":
    main()
