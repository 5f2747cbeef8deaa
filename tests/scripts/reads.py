"""Reads a growing run file until it has ended; fails when anything it has seen is wrong or gets lost again."""

import sys
import time
from pathlib import Path

import numpy as np

from headtorch.store.run import Run

path = Path(sys.argv[1])
while not path.exists() or path.stat().st_size == 0:
    time.sleep(0.01)
seen, looks = 0, 0
while True:
    try:
        run = Run(path)
        ending = run.facts.get("ending")  # first: all that was recorded before it can be read after it
        losses, norms = run.series("loss"), run.series("grad_norm")
    except Exception:
        if seen:
            raise
        time.sleep(0.01)  # the tables are not there yet
        continue
    run.close()
    count = len(losses.steps)
    assert count >= seen, (count, seen)
    assert np.array_equal(losses.steps, np.arange(count))
    assert np.array_equal(losses.column(), np.arange(count, dtype=np.float32) * 0.5)
    if norms:
        assert np.array_equal(norms.column(1), np.arange(len(norms.steps), dtype=np.float32) + 0.25)
    looks += count > seen
    seen = count
    if ending:
        break
print(seen, looks)
