"""Records so many trainings into a folder each, kills each after a random time, and says what it had committed.

Every training is the same one. PyTorch is imported once, and the trainings are forked from there.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # optimizers do so
from scenarios import mlp, table
from torch.nn import functional as F

from headtorch.record import begin, recorder, taps

WARM = recorder, taps
LONGEST = 2.5  # seconds


def train(folder, says):
    """Train until killed; tell the last step of each commit once it is done."""
    recording = begin("train.py", [], as_module=False, folder=folder)
    writer = recording._writer
    commit = writer._commit

    def told():
        commit()
        last = writer._db.execute("SELECT steps FROM block WHERE quantity = 'loss' ORDER BY id DESC LIMIT 1").fetchone()
        if last is not None:
            os.write(says, f"{int.from_bytes(last[0][-8:], 'little')}\n".encode())

    writer._commit = told
    torch.manual_seed(0)
    model, (inputs, targets) = mlp(), table()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    while True:
        optimizer.zero_grad()
        F.mse_loss(model(inputs), targets).backward()
        optimizer.step()


torch.set_num_threads(1)
chance = random.Random(0)
for number in range(int(sys.argv[2])):
    folder = Path(sys.argv[1], str(number))
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            train(folder, theirs)
        finally:
            os._exit(1)
    os.close(theirs)
    time.sleep(chance.uniform(0.0, LONGEST))
    os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with os.fdopen(ours) as said:
        committed = [int(line) for line in said if line.endswith("\n")]
    print(json.dumps([str(folder), ended, max(committed, default=-1)]), flush=True)
