"""How long a command takes, from the shell's side."""

from __future__ import annotations

import subprocess
import sys
import time


def seconds(*arguments: str, repeats: int = 7) -> float:
    """The wall time of a Python process with these arguments: of some, the one that was least disturbed."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return min(times)
