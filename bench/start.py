"""What headtorch adds to the start of a script: until torch is imported and its first own line runs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.table import Row, at_most, seen

GOAL = 0.3  # seconds beyond those of importing torch
TURNS = 9
SCRIPT = "import time\nimport torch\nfrom torch import nn\nprint(time.time(), flush=True)\n"


def rows(folder: Path) -> Iterator[Row]:
    """The start alone, and what is added to it; each turn takes both, so that a neighbour's load meets both."""
    script = folder / "start.py"
    script.write_text(SCRIPT)
    watched = [sys.executable, "-m", "headtorch", "run", "--runs", str(folder), str(script)]
    pairs = [(_until_torch([sys.executable, str(script)]), _until_torch(watched)) for _ in range(TURNS)]
    alone = median(first for first, _ in pairs)
    yield seen("start of a script that imports torch", f"{alone:.2f} s")
    yield at_most("start: added by headtorch", median(second for _, second in pairs) - alone, GOAL, " s", 2)


def _until_torch(command: Sequence[str]) -> float:
    began = time.time()
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ended.stdout) - began
