"""How long a command takes, from the shell's side."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median


def seconds(*arguments: str, repeats: int = 7) -> float:
    """The median wall time of a Python process with these arguments, from its start to its end."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return median(times)
