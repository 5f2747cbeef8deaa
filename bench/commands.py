"""How long a command takes and how much memory it holds, from the shell's side."""

from __future__ import annotations

import os
import subprocess
import sys
import time

KIBIBYTES = 1 if sys.platform == "linux" else 1024  # what ru_maxrss counts in: kibibytes, elsewhere bytes


def seconds(*arguments: str, repeats: int = 7) -> float:
    """The wall time of a Python process with these arguments: of some, the one that was least disturbed."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def mebibytes(*arguments: str) -> float:
    """What a Python process with these arguments holds at most."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    return ended(process)


def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> float:
    """Wait for a process to end, and say how many mebibytes it held at most."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / KIBIBYTES / 1024
