"""Training steps that `headtorch tune`, Optuna's TPE and random search need to reach what the cured script reaches.

    python -m bench.tune CASES                                  5 scripts, 5 seeds each; hours
    python -m bench.tune CASES --only so-37624102 --seeds 1     a quick look

CASES is a folder of cases, each a folder with `faulty.py` and `fixed.py`. All three search the same numbers in the same
ranges; the steps of tune's own first run and of its range test count. A value is reached within a tenth of the way from
the faulty to the cured result. What is not reached within `--runs` times the steps of the script counts as that many.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median

import optuna

from headtorch.rules import all_rules
from headtorch.trials.orders import Limit, Ran, Subject, Trial
from headtorch.trials.runner import Runner
from headtorch.trials.verdict import compare
from headtorch.trials.workplace import Workplace
from headtorch.tuning.search import Budget, Search
from headtorch.tuning.study import Study, value_of

CASES = ("so-37624102", "so-31556268", "gh-kerasma", "a15-motion-autoencoder", "a51-tutorial-cnn", "dc-regr-02")
NEAR = 0.1  # of the way from faulty to cured


def measured(folder: Path, seed: int, runs: int) -> dict[str, tuple[int, bool]]:
    """The steps of each way of searching, and whether it came there; empty where the cure is not seen to cure."""
    os.environ["SEED"] = str(seed)
    script = folder / "faulty.py"
    subject = Subject(str(script), (), as_module=False, folder=folder)
    with tempfile.TemporaryDirectory() as scratch, Workplace(folder, script) as place:
        runner = Runner(subject, place, Path(scratch) / "runs", 1)
        try:
            faulty = runner.run(Trial({}))
            cured = compare(faulty, runner.run(Trial({str(script): (folder / "fixed.py").read_text()})))
            if cured is None:
                return {}
            sign = -1 if cured.measure.endswith("loss") else 1
            below = [value for value in (sign * cured.before, cured.floor) if value is not None and value == value]
            start = max(below, default=value_of(cured))
            wanted = value_of(cured) - NEAR * abs(value_of(cured) - start)
            most = runs * faulty.steps

            def reached(ran: Ran) -> bool:
                pair = None if ran.failed else compare(faulty, ran)
                return pair is not None and pair.measure == cured.measure and value_of(pair) >= wanted

            search = Search(
                runner,
                place.holds,
                all_rules(),
                Study(Path(scratch) / "study.db", "bench", seed=seed),
                (),
                Budget(steps=most * 10),  # one run takes a tenth of it at most
                1,
                1,
                lambda text: None,
                lambda pair: (pair.measure == cured.measure and value_of(pair) >= wanted) or search.steps >= most,
            )
            found = search.explore() and search.steps < most
            steps = {"tune": (min(search.steps, most), found)}
            for name, sampler in (
                ("TPE", optuna.samplers.TPESampler(seed=seed)),
                ("random", optuna.samplers.RandomSampler(seed=seed)),
            ):
                steps[name] = plain(runner, search, sampler, most, reached)
            return steps
        finally:
            runner.close()


def plain(
    runner: Runner, search: Search, sampler: optuna.samplers.BaseSampler, most: int, reached: Callable[[Ran], bool]
) -> tuple[int, bool]:
    """The steps of a plain Optuna study over the same ranges."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    spent = 0
    first = None
    while spent < most:
        trial = study.ask()
        values = {}
        for knob in search.ranges:
            if knob.whole:
                drawn: float = trial.suggest_int(knob.name, int(knob.low), int(knob.high), log=knob.log)
            else:
                drawn = trial.suggest_float(knob.name, knob.low, knob.high, log=knob.log)
            values[knob.name] = knob.rounded(drawn)
        ran = runner.run(Trial(search.texts(values), limit=Limit(hopeless_at_nan=True)))
        spent += ran.steps
        if reached(ran):
            return min(spent, most), True
        pair = None if ran.failed else compare(search.before, ran)
        first = first or (pair and pair.measure)
        usable = pair is not None and pair.measure == first
        study.tell(trial, value_of(pair) if usable and pair is not None else None, skip_if_finished=True,
                   state=None if usable else optuna.trial.TrialState.FAIL)  # fmt: skip
    return most, False


def main() -> None:
    """Measure and print one line a script, and the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.tune", description=__doc__.partition("\n")[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", action="append", help="these cases; may be given several times")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=30, help="most of a search, in runs of the script")
    chosen = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ratios: dict[str, list[float]] = {"TPE": [], "random": []}
    medians: dict[str, list[float]] = {"tune": [], "TPE": [], "random": []}
    for case in chosen.only or CASES:
        found = [measured(chosen.cases.resolve() / case, seed, chosen.runs) for seed in range(chosen.seeds)]
        found = [steps for steps in found if steps]
        if not found:
            print(f"{case}: the cured script shows no gain that a trial can see", flush=True)
            continue
        cells = []
        for name, into in medians.items():
            steps, came = [one[name][0] for one in found], sum(one[name][1] for one in found)
            into.append(median(steps))
            cells.append(f"{name} {into[-1]:,.0f} steps ({came} of {len(found)} reach it)")
        for name, pairs in ratios.items():
            pairs += [one["tune"][0] / one[name][0] for one in found]
        print(f"{case}: {', '.join(cells)}", flush=True)
    for name, pairs in ratios.items() if medians["tune"] else ():
        scripts = [ours / theirs for ours, theirs in zip(medians["tune"], medians[name], strict=True)]
        print(
            f"tune / {name}: geometric mean of the scripts {geometric_mean(scripts):.2f}, of all their steps "
            f"{sum(medians['tune']) / sum(medians[name]):.2f}, median of {len(pairs)} pairs {median(pairs):.2f}"
        )


if __name__ == "__main__":
    main()
