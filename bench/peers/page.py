"""The table of the tools, and the page docs/peers.md around it."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.peers.environments import group, tool
from bench.peers.score import Score, Verdict

Cost = tuple[float, float] | str

INTRODUCTION = """# headtorch beside other tools

Made by a command; do not edit. `make peers` makes it anew, with all scripts of the corpus.

Scripts of the corpus ran unedited under each tool that installs from PyPI. A tool is attached from outside, by hooks
of PyTorch that run the lines its documentation asks for (`bench/peers/attach.py`), at its recommended settings (below).
What its messages mean in the labels of the corpus is judged in one file, generously: `bench/peers/causes.py`.

| column | counts |
|---|---|
| caught | faulty scripts of which any of its messages names a true cause |
| noise | faulty scripts of which it said something, and nothing right |
| missed | faulty scripts of which it said nothing |
| crashed | scripts, faulty or sound, that did not end with it or in which it raised, and that it said nothing of |
| false alarms | sound scripts of which it said that something is wrong |
| messages | kinds of message that it gave of a script, on average: who says much is right by chance more often |
| steps | CPU time of all steps with it over the same without it; then of the median step |

Only what a tool itself calls a warning or worse counts, and of that only what concerns the learning: memory, speed and
style count neither for it nor against it. headtorch is counted in the same way: its errors and warnings, in any order.
"""

LIMITS = """
**What this is not.** The corpus is headtorch's own, and what a first run over it showed was used to make some of its
rules more general: headtorch knows these scripts' kinds of fault, the others do not. Many of its labels are faults that
no other tool claims to look for. Its scripts take seconds; tools that are made for long trainings see little of them.
Of a loss function written by hand, no targets are known to tools that want them; of a training without an optimizer, no
tool that is attached sees anything. What a script does between the network's output and the loss function is not seen
by a tool that is given both.

**Not in the table.** Tools that only draw curves name nothing; of them the cost alone is measured.

- TrainCheck 0.2.0 installs. It needs traces of healthy reference runs of the same program and takes one to two minutes
  to trace and to check one training of seconds; with a reference for every script it would take hours.
- AutoTrainer, DeepLocalize, DeepDiagnosis, DeepFD, DEFault, UMLAUT, NeuraLint and Theia, which are published, are not
  on PyPI under these names (`umlaut` is something else).
- `mldoctor diagnose`, a classifier of logs, is not asked; `mldoctor check` is.
- PulseML's licence forbids its use for a competing product.
"""


class Made(NamedTuple):
    """How a table was made."""

    date: datetime.date
    command: str
    net: str
    steps: int
    pairs: int
    failures: Mapping[str, str]


def cost(measured: Cost | None) -> str:
    """A ratio as it is shown."""
    if measured is None:
        return "not timed"
    return measured if isinstance(measured, str) else f"×{measured[0]:.2f}; ×{measured[1]:.2f}"


def table(scores: Sequence[Score], costs: Mapping[str, Cost]) -> str:
    """A row a tool, the best first; those that name nothing last."""
    rows = [
        "| tool | caught | noise | missed | crashed | false alarms | messages | steps |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in sorted(scores, key=lambda s: (-s.caught, s.alarms)):
        shares = f"{s.caught} of {s.sick} | {s.noise} | {s.missed} | {s.crashed} | {s.alarms} of {s.sound}"
        rows.append(f"| {s.tool} | {shares} | {s.messages:.1f} | {cost(costs.get(s.tool))} |")
    for name in sorted(set(costs) - {s.tool for s in scores}):
        rows.append(f"| {name} | names nothing | | | | | | {cost(costs[name])} |")
    return "\n".join(rows)


def page(scores: Sequence[Score], costs: Mapping[str, Cost], found: Sequence[Verdict], made: Made) -> str:
    """The whole page."""
    torch = importlib.metadata.version("torch")
    lines = [INTRODUCTION]
    lines.append(f"Run on {made.date} with PyTorch {torch}, Python {platform.python_version()}, one thread:\n")
    lines.append(f"    {made.command}\n")
    lines.append(table(scores, costs))
    if costs:
        lines.append(
            f"\nThe steps are those of the network `{made.net}` of `bench/nets.py`: {made.steps} of them, with and "
            f"without the tool in turn, the median of {made.pairs} pairs of processes. The side without it has the "
            "attachment too; headtorch's is the bare script. Of a tool that acts on one step in a hundred, the first "
            "figure tells; headtorch looks at each of the first hundred steps."
        )
    lines.append(LIMITS)
    for of, why in made.failures.items():
        lines.append(f"- `{of}` could not be installed: {why}")
    lines.append("## How each was used\n\n| tool | version | used as |\n|---|---|---|")
    for name in sorted({s.tool for s in scores} | set(costs)):
        used = (tool(name).__doc__ or "").splitlines()[0]
        lines.append(f"| {name} | {', '.join(p.partition('==')[2] for p in tool(name).PACKAGES)} | {used} |")
    shared = sorted(s.tool for s in scores if group(s.tool) != s.tool)
    lines.append(f"\n{', '.join(shared)} only read, and share one run of each script.")
    lines += [
        "\n## The scripts, and who caught them\n",
        "| script | cause | caught by | noise from |",
        "|---|---|---|---|",
    ]
    for script in dict.fromkeys(v.case.script for v in found if v.case.kind == "faulty"):
        mine = [v for v in found if v.case.script == script]
        by, noise = ([v.tool for v in mine if v.word == word] for word in ("caught", "noise"))
        cause = mine[0].case.truth["cause"]
        lines.append(f"| {script.parent.name} | {cause} | {', '.join(by)} | {', '.join(noise)} |")
    lines += ["\n| sound script | false alarms from |", "|---|---|"]
    for script in dict.fromkeys(v.case.script for v in found if v.case.kind != "faulty"):
        alarms = [v.tool for v in found if v.case.script == script and v.word == "false alarm"]
        lines.append(f"| {script.parent.name}/{script.name} | {', '.join(alarms)} |")
    crashes = [v for v in found if v.word == "crashed"]
    if crashes:
        lines += ["\n| crashed | on | with |", "|---|---|---|"]
        for v in crashes:
            why = v.trouble.replace("|", "/").replace("\n", " ")[:120]
            lines.append(f"| {v.tool} | {v.case.script.parent.name}/{v.case.script.name} | {why} |")
    return "\n".join(lines) + "\n"
