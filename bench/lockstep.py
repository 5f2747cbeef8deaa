"""Lockstep: several living processes that take their training steps in turn.

Only one computes at a time, and each has its turn within a moment of the others', so that a neighbour's load, a clock
that slows down or a warm chip meets all of them alike.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

from bench.commands import ended


class Arm:
    """One process: `wall` and `cpu` are the seconds of each of its steps, `peak` the mebibytes it held at most.

    `failure` is the last line that it printed when it could not train.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.peak = 0.0
        self.failure = ""
        self._messages: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            env={**os.environ, **environment},
        )
        self._answer()  # "ready"

    def _answer(self) -> list[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line and not self.failure:
            self._messages.seek(0)
            self.failure = (self._messages.read().strip().splitlines() or ["it ended without a word"])[-1]
        return line.split()

    def turn(self, steps: int) -> None:
        """Let it take some steps, and wait for them."""
        if self.failure:
            return
        assert self._process.stdin is not None
        self._process.stdin.write("\n" * steps)
        self._process.stdin.flush()
        for _ in range(steps):
            answer = self._answer()
            if self.failure:
                return
            self.wall.append(float(answer[0]))
            self.cpu.append(float(answer[1]))

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.peak = ended(self._process)
        self._messages.close()


def lockstep(arms: Sequence[Arm], steps: int, turn: int) -> None:
    """Let each arm take that many steps, `turn` at a time, each round in the opposite order of the one before."""
    for start in range(0, steps, turn):
        order = arms if start // turn % 2 == 0 else reversed(arms)
        for arm in order:
            arm.turn(min(turn, steps - start))
    for arm in arms:
        arm.end()
