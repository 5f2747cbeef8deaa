"""Runs scripts of the corpus under the tools, and counts what each said of them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.peers import causes
from bench.peers.environments import groups, python
from corpus.accuracy import Case

ROOT = Path(__file__).parents[2]


class Verdict(NamedTuple):
    """What one tool said of one script: each message once, those alone that concern the learning."""

    tool: str
    case: Case
    said: list[str]
    trouble: str

    @property
    def caught(self) -> bool:
        """Whether any of its messages names a true cause."""
        return any(causes.causes(self.tool, message) & self.case.causes for message in self.said)

    @property
    def word(self) -> str:
        """The verdict."""
        sick = self.case.kind == "faulty"
        if self.said:
            return ("caught" if self.caught else "noise") if sick else "false alarm"
        if self.trouble:
            return "crashed"
        return "missed" if sick else "quiet"


def verdicts(cases: Sequence[Case], tools: Sequence[str], limit: float) -> Iterator[Verdict]:
    """Each case under each tool; tools of one group share a run."""
    for case in cases:
        for of, members in groups().items():
            names = [name for name in members if name in tools]
            if names:
                yield from run(case, of, names, limit)


def run(case: Case, of: str, names: list[str], limit: float) -> Iterator[Verdict]:
    """One script under the tools of a group, in a folder of its own."""
    environment = dict(os.environ, SEED="0", PYTHONHASHSEED="0", OMP_NUM_THREADS="1", NO_COLOR="1")
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    told, trouble = {}, ""
    with tempfile.TemporaryDirectory() as folder:
        script, result = Path(folder, "train.py"), Path(folder, "result.json")  # the name must not tell
        script.write_bytes(case.script.read_bytes())
        command = [python(of), "-m", "bench.peers.runner", ",".join(names), str(result), str(script)]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, timeout=limit, capture_output=True, text=True)
            told = json.loads(result.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            trouble = "ran too long"
        except (OSError, ValueError):
            trouble = "no result: " + " ".join(done.stderr[-200:].split())
    for name in names:
        one = told.get(name, {"said": [], "trouble": trouble})
        said = [message for message in one["said"] if causes.about_learning(name, message)]
        yield Verdict(name, case, list(dict.fromkeys(said)), one["trouble"])


def line(verdict: Verdict) -> str:
    """One line on a verdict."""
    where = f"{verdict.case.script.parent.name}/{verdict.case.script.name}"
    said = "; ".join(message[:60] for message in verdict.said[:4]) or verdict.trouble[:160]
    return f"{verdict.tool:16}{where:46}{verdict.word:13}{said}".rstrip()


class Score(NamedTuple):
    """A tool's row of the table."""

    tool: str
    caught: int
    noise: int
    missed: int
    crashed: int
    sick: int
    alarms: int
    sound: int
    messages: float

    @staticmethod
    def of(tool: str, found: Iterable[Verdict]) -> Score:
        """Counted over its verdicts."""
        mine = [verdict for verdict in found if verdict.tool == tool]
        sick = [verdict for verdict in mine if verdict.case.kind == "faulty"]
        sound = [verdict for verdict in mine if verdict.case.kind != "faulty"]
        words = [verdict.word for verdict in sick]
        crashed = sum(verdict.word == "crashed" for verdict in mine)
        alarms = sum(verdict.word == "false alarm" for verdict in sound)
        messages = sum(len({causes.kind(tool, message) for message in verdict.said}) for verdict in mine) / max(
            1, len(mine)
        )
        counts = words.count("caught"), words.count("noise"), words.count("missed")
        return Score(tool, *counts, crashed, len(sick), alarms, len(sound), messages)
