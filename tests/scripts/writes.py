"""Writes a run file until it is killed, or the given number of steps; prints each step and when it was recorded."""

import sys
import time
from pathlib import Path

from headtorch.record.writer import Writer

writer = Writer(Path(sys.argv[1]))
steps = int(sys.argv[2])
step = 0
while not steps or step < steps:
    writer.sample(0, "loss", step, [step * 0.5])
    writer.sample(0, "grad_norm", step, [float(step), step + 0.25, float("nan")])
    if step % 100 == 0:
        writer.event(step, "mark", number=step)
    writer.step_done()
    print(step, time.monotonic(), flush=True)
    time.sleep(0.001)
    step += 1
writer.fact("ending", "finished")
writer.close()
sys.exit(writer.trouble)
