"""Accuracy on spoiled scripts: `python -m corpus.mutants [FOLDER ...]`, or `make mutants`.

The cured scripts of the corpus are broken in the ways of `corpus.spoil`, and some mutants of each way, drawn by chance,
are run under headtorch. Many are harmless: only where the script's figure is clearly worse than it was, or none,
something must be told. A mutant that ends in an exception is not counted.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from corpus.accuracy import HERE, Case, Outcome, cases, diagnosed
from corpus.spoil import SPOILINGS, Script

WORSE = 0.1  # of the sound script's figure
WORSE_OF_WAY = 0.25  # of the way from it to the faulty one's


def mutants(case: Case) -> Iterator[tuple[str, str]]:
    """Every way to spoil a script that changes it, with the spoiled text."""
    script = Script(case.script.read_text(encoding="utf-8"))
    for way, spoiling in SPOILINGS.items():
        if (text := spoiling.apply(script)) is not None and text != script.text:
            yield way, text


def drawn(sound: list[Case], each: int, seed: int, folder: Path) -> list[Case]:
    """Some mutants of each way as cases whose scripts are written to a folder."""
    pool: dict[str, list[tuple[Case, str]]] = {way: [] for way in SPOILINGS}
    for case in sound:
        for way, text in mutants(case):
            pool[way].append((case, text))
    draw = random.Random(seed)
    chosen = []
    for way, all_of_it in pool.items():
        for case, text in draw.sample(all_of_it, min(each, len(all_of_it))):
            script = folder / f"{case.script.parent.name}, {way}.py"
            script.write_text(text, encoding="utf-8")
            cause, *also = sorted(SPOILINGS[way].causes)
            figures = {name: case.truth[name] for name in ("fixed", "faulty")}
            chosen.append(Case(script, "faulty", {"cause": cause, "also": also, "lines": [], "way": way, **figures}))
    return chosen


def figure(outcome: Outcome) -> float | None:
    """What the script printed last as its result, if anything."""
    printed = re.findall(r"^RESULT \S+ (\S+)", outcome.output, re.MULTILINE)
    return float(printed[-1]) if printed else None


def does_harm(truth: dict[str, list[float]], result: float) -> bool:
    """Whether a result is clearly worse than that of the sound script."""
    sound, faulty = truth["fixed"][0], truth["faulty"][0]
    if math.isnan(result):
        return not math.isnan(sound)
    loss = sound - result if math.isnan(faulty) or sound > faulty else result - sound
    return loss > WORSE * abs(sound) or loss > WORSE_OF_WAY * abs(sound - faulty)


def verdict(outcome: Outcome) -> str:
    """What is to be said of a mutant, in a word or two."""
    result = figure(outcome)
    if outcome.trouble or result is None:
        return "crashed"
    if not does_harm(outcome.case.truth, result):
        return "harmless"
    if not outcome.names:
        return "nothing told"
    if outcome.names[0] in outcome.case.causes:
        return "first"
    return "top 3" if outcome.case.causes & set(outcome.names[:3]) else "other cause"


def main() -> None:
    """Spoil, run, and print a line a mutant, a table of the ways, and the sum."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--each", type=int, default=8, help="mutants of each way, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder for the mutants that are not told right")
    args = parser.parse_args()
    sound = [case for case in cases(args.folders) if case.kind == "fixed"]
    verdicts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for outcome in diagnosed(drawn(sound, args.each, args.seed, Path(folder)), args.jobs):
            said, script, way = verdict(outcome), outcome.case.script, outcome.case.truth["way"]
            verdicts.setdefault(way, Counter())[said] += 1
            print(f"{said:13}{script.stem:75}{', '.join(outcome.names[:4])}", flush=True)
            if args.keep and said in ("top 3", "other cause", "nothing told"):
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / script.name).write_bytes(script.read_bytes())
    print()
    for way, counts in sorted(verdicts.items()):
        print(f"{way:40}{', '.join(f'{number} {said}' for said, number in counts.most_common())}")
    total = sum(verdicts.values(), Counter[str]())
    harmful = total.total() - total["harmless"] - total["crashed"]
    near = total["first"] + total["top 3"]
    print(f"\nof {harmful} mutants that did harm: told first {total['first']}, among the first three {near}", end=", ")
    print(f"nothing told {total['nothing told']}")


if __name__ == "__main__":
    main()
