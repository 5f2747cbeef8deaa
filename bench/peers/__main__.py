"""Entry point: run the corpus, or a sample of it, under every tool; measure what each adds to a step; print a table."""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import random
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.peers import TOOLS, causes, page
from bench.peers.environments import group, groups, install, tool
from bench.peers.overhead import overhead
from bench.peers.score import ROOT, Score, Verdict, line, verdicts
from corpus.accuracy import Case, cases


def chosen_cases(folders: list[Path], sample: int, seed: int) -> list[Case]:
    """All scripts, or as many sick and as many sound ones by lot."""
    found = cases(folders)
    if not sample:
        return found
    random.Random(seed).shuffle(found)
    kinds = [[c for c in found if (c.kind == "faulty") is sick][:sample] for sick in (True, False)]
    # In turn, so that what an interrupted run leaves is a smaller sample of the same lot.
    return [case for pair in itertools.zip_longest(*kinds) for case in pair if case]


def resumed(file: Path | None, todo: list[Case]) -> list[Verdict]:
    """What an interrupted run has left."""
    if file is None or not file.exists():
        return []
    by_path = {str(case.script.relative_to(ROOT)): case for case in todo}
    rows = [json.loads(each) for each in file.read_text(encoding="utf-8").splitlines()]
    return [Verdict(r["tool"], by_path[r["script"]], r["said"], r["trouble"]) for r in rows if r["script"] in by_path]


def scored(todo: list[Case], tools: list[str], limit: float, file: Path | None) -> Iterator[Verdict]:
    """Each verdict, those first that stand in the file."""
    before = resumed(file, todo)
    yield from before
    done = {(verdict.tool, verdict.case.script) for verdict in before}
    for case in todo:
        for verdict in verdicts([case], [t for t in tools if (t, case.script) not in done], limit):
            print(line(verdict), flush=True)
            for message in verdict.said:
                if verdict.tool != "headtorch" and not causes.known(verdict.tool, message):
                    print(f"  not in causes.py: {message[:150]}")
            if file is not None:
                row = {"tool": verdict.tool, "script": str(case.script.relative_to(ROOT))}
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps({**row, "said": verdict.said, "trouble": verdict.trouble}) + "\n")
            yield verdict


def without(arguments: list[str], option: str) -> list[str]:
    """A command line without an option that has a value."""
    at = arguments.index(option) if option in arguments else len(arguments)
    return arguments[:at] + arguments[at + 2 :]


def main() -> None:
    """Parse the command line, install, run, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Other tools on the corpus.")
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "corpus"])
    parser.add_argument("--sample", type=int, default=0, help="this many sick and this many sound scripts, by lot")
    parser.add_argument("--seed", type=int, default=0, help="of the lot")
    parser.add_argument("--tools", default=",".join(TOOLS), help="names with commas between them")
    parser.add_argument("--limit", type=float, default=300, help="seconds a script")
    parser.add_argument("--net", default="mlp", help="of bench/nets.py, whose steps are timed")
    parser.add_argument("--steps", type=int, default=1000, help="that are timed")
    parser.add_argument("--pairs", type=int, default=3, help="of processes for each ratio; 0 times nothing")
    parser.add_argument("--results", type=Path, help="a file that keeps the verdicts, to go on after an interruption")
    parser.add_argument("--write", type=Path, help="the page to write, as docs/peers.md")
    args = parser.parse_args()
    args.folders = [folder.resolve() for folder in args.folders]
    tools = args.tools.split(",")
    failures = {of: why for of in groups() if any(group(name) == of for name in tools) and (why := install(of))}
    for of, why in failures.items():
        print(f"{of} cannot be installed: {why}")
    tools = [name for name in tools if group(name) not in failures]
    judged = [name for name in tools if getattr(tool(name), "NAMES", True)]
    todo = chosen_cases(args.folders, args.sample, args.seed)
    found = list(scored(todo, judged, args.limit, args.results))
    scores = [Score.of(name, found) for name in judged]
    costs = {}
    for name in tools:
        if args.pairs and (
            name == "headtorch" or (not hasattr(tool(name), "read") and getattr(tool(name), "STEPS", 1))
        ):
            costs[name] = overhead(name, args.net, args.steps, args.pairs)
            print(f"{name}: {page.cost(costs[name])}", flush=True)
    print("\n" + page.table(scores, costs))
    if args.write:
        command = "python -m bench.peers " + shlex.join(without(sys.argv[1:], "--results"))
        made = page.Made(datetime.date.today(), command, args.net, args.steps, args.pairs, failures)
        args.write.write_text(page.page(scores, costs, found, made), encoding="utf-8")


if __name__ == "__main__":
    main()
