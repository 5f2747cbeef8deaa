"""Accuracy of the diagnosis over the corpus: `python -m corpus.accuracy [FOLDER ...]`, or `make accuracy`.

Each script is run once under `headtorch run`, in a process forked from one that has the imports behind it. A fault is
told right when the first error or warning is its cause, or one of the labels that are also true of it. The cured twins
and the healthy programs must stay quiet. What was found is printed, and kept nowhere.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from corpus.warm import Warm

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
LIMIT = 300  # seconds a script


class Case(NamedTuple):
    """A script of the corpus: where it is, what kind, and what is true of it (empty for a sound one)."""

    script: Path
    kind: str
    truth: dict[str, Any]

    @property
    def causes(self) -> set[str]:
        """The labels that are true of it."""
        return {self.truth["cause"], *self.truth.get("also", [])} if self.kind == "faulty" else set()


class Outcome(NamedTuple):
    """What headtorch said of a case: its findings, or the reason why there is no report; and what the script said."""

    case: Case
    findings: list[dict[str, Any]]
    seconds: float
    trouble: str
    output: str = ""

    def told(self, *severities: str) -> list[dict[str, Any]]:
        """The findings of some severities, in order."""
        return [finding for finding in self.findings if finding["severity"] in severities]

    @property
    def names(self) -> list[str]:
        """The rules that were told as errors or warnings."""
        return [finding["rule"] for finding in self.told("error", "warning")]

    @property
    def line_right(self) -> bool:
        """Whether the first right finding points at a line of the truth, or next to it."""
        right = next((f for f in self.told("error", "warning") if f["rule"] in self.case.causes), None)
        line = ((right or {}).get("where") or {}).get("line")
        return line is not None and any(abs(line - each) <= 1 for each in self.case.truth["lines"])


def cases(folders: Iterable[Path]) -> list[Case]:
    """Every script below some folders, with its truth: in a `truth.toml`, or in a `case.json` with keys of its own."""
    found = []
    files = (path for folder in folders for name in ("truth.toml", "case.json") for path in folder.rglob(name))
    for file in sorted(files):
        truth = truth_of(file)
        for name, kind in (("faulty.py", "faulty"), ("fixed.py", "fixed"), ("train.py", "healthy")):
            if (file.parent / name).exists():
                found.append(Case(file.parent / name, kind, truth))
    return found


def truth_of(file: Path) -> dict[str, Any]:
    """What is true of a case, under the names of `truth.toml`."""
    if file.suffix == ".toml":
        return tomllib.loads(file.read_text(encoding="utf-8"))
    truth = json.loads(file.read_text(encoding="utf-8"))
    others = {"also_acceptable": "also", "where": "lines", "faulty_result": "faulty", "fixed_result": "fixed"}
    return {others.get(name, name): value for name, value in truth.items()}


def diagnosed(cases: Iterable[Case], jobs: int) -> Iterator[Outcome]:
    """What headtorch says of each case, in order, some at a time."""
    environment = dict(os.environ, SEED="0", PYTHONHASHSEED="0", OMP_NUM_THREADS="1", NO_COLOR="1")
    idle: SimpleQueue[Warm] = SimpleQueue()
    for _ in range(jobs):
        idle.put(Warm(environment))

    def one(case: Case) -> Outcome:
        warm = idle.get()
        try:
            return diagnose(case, warm)
        finally:
            idle.put(warm)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, cases)
    while not idle.empty():
        idle.get().close()


def diagnose(case: Case, warm: Warm) -> Outcome:
    """Run one script under headtorch, in a folder of its own."""
    start, findings, trouble = time.perf_counter(), [], ""
    with tempfile.TemporaryDirectory() as folder:
        # The name must not tell.
        script, report = Path(folder, "train.py"), Path(folder, "report.json")
        script.write_bytes(case.script.read_bytes())
        done = warm.headtorch(Path(folder), "run", "--report", str(report), str(script), limit=LIMIT)
        try:
            findings = json.loads(report.read_text(encoding="utf-8"))["findings"]
        except (OSError, ValueError):
            late = done.returncode == -signal.SIGALRM
            trouble = "ran too long" if late else "no report: " + " ".join(done.stderr[-200:].split())
    return Outcome(case, findings, time.perf_counter() - start, trouble, done.stdout)


def line_of(outcome: Outcome) -> str:
    """One line on a case."""
    case, names = outcome.case, outcome.names
    truth = case.truth["cause"] if case.kind == "faulty" else ""
    if case.kind != "faulty":
        verdict = "ALARM" if outcome.told("error") else "warns" if names else "quiet"
    elif not case.causes & set(names[:3]):
        verdict = "MISSED"
    else:
        verdict = ("first" if names[0] in case.causes else "top 3") + ("" if outcome.line_right else ", other line")
    said = outcome.trouble or ", ".join(names[:3])
    return f"{case.kind:8}{case.script.parent.name:34}{outcome.seconds:4.0f} s  {verdict:19}{truth:27}{said}".rstrip()


def confusion(outcomes: list[Outcome]) -> str:
    """The table of rule told first × truth: a row a truth, and in it only the rules that were told."""
    told: dict[str, Counter[str]] = {}
    right: Counter[str] = Counter()
    for o in outcomes:
        truth = o.case.truth["cause"] if o.case.kind == "faulty" else f"({o.case.kind})"
        told.setdefault(truth, Counter())[o.names[0] if o.names else "(nothing)"] += 1
        right[truth] += bool(o.case.causes & set(o.names[:1])) if o.case.causes else not o.names
    rows = []
    for truth, counts in sorted(told.items()):
        rules = ", ".join(f"{number} {rule}" for rule, number in counts.most_common())
        rows.append(f"{truth:28}{right[truth]:>3}/{counts.total():<5}{rules}")
    return "\n".join([f"{'truth':28}{'right':9}told first", *rows])


def summary(outcomes: list[Outcome]) -> str:
    """The summary line."""
    faulty = [o for o in outcomes if o.case.kind == "faulty"]
    sound = [o for o in outcomes if o.case.kind != "faulty"]

    def share(hits: Iterable[object], of: list[Outcome]) -> str:
        return f"{sum(map(bool, hits))}/{len(of)}"

    return (
        f"detected {share((o.names for o in faulty), faulty)}"
        f"  first finding right {share((set(o.names[:1]) & o.case.causes for o in faulty), faulty)}"
        f"  among the first three {share((set(o.names[:3]) & o.case.causes for o in faulty), faulty)}"
        f"  line {share((o.line_right for o in faulty), faulty)}"
        f"  false alarms: error on {share((o.told('error') for o in sound), sound)}"
        f", warning on {share((o.told('warning') for o in sound), sound)}"
    )


def calibration(outcomes: list[Outcome]) -> str:
    """Of the causes told with a confidence, how many were right."""
    bands: dict[float, list[bool]] = {}
    for outcome in outcomes:
        for finding in outcome.told("error", "warning"):
            if finding["role"] == "cause":
                band = int(finding["confidence"] * 10) / 10
                bands.setdefault(band, []).append(finding["rule"] in outcome.case.causes)
    rows = [f"{band:.1f} to {band + 0.1:.1f}   {sum(hits)}/{len(hits)} right" for band, hits in sorted(bands.items())]
    return "\n".join(rows)


def main() -> None:
    """Score the corpus and print a line a case, the confusion table, the calibration and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    outcomes, start = [], time.perf_counter()
    for outcome in diagnosed(cases(args.folders), args.jobs):
        print(line_of(outcome), flush=True)
        outcomes.append(outcome)
    print(f"\nrule told first x truth:\n{confusion(outcomes)}")
    print(f"\nconfidence of the causes told:\n{calibration(outcomes)}")
    print(f"\n{len(outcomes)} scripts in {(time.perf_counter() - start) / 60:.1f} minutes")
    new = [o for o in outcomes if "known" not in o.case.script.parts]
    if 0 < len(new) < len(outcomes):
        print(f"without known/: {summary(new)}")
    print(summary(outcomes))


if __name__ == "__main__":
    main()
