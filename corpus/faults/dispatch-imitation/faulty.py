# Imitation of the shop floor dispatcher: which of the waiting jobs goes to the machine next?
# The log holds, for every decision, the queue of jobs, the tool mounted at that time and the job taken.
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

QUEUE = 32
TOOLS = 5
WIDTH = 48
BATCH = 32
EPOCHS = 12
LR = 0.05

change_time = rng.uniform(0.5, 2.0, (TOOLS, TOOLS))
np.fill_diagonal(change_time, 0.0)


def record(n):
    """n decisions of a dispatcher who works by an apparent-tardiness rule with set-up times."""
    tool = rng.integers(0, TOOLS, (n, QUEUE))
    mounted = rng.integers(0, TOOLS, n)
    work = rng.uniform(1, 5, (n, QUEUE))
    weight = rng.uniform(1, 5, (n, QUEUE))
    slack = rng.uniform(-2, 8, (n, QUEUE))
    setup = change_time[mounted[:, None], tool]
    index = 0.6 * np.log(weight / work) - np.maximum(slack, 0) / 4 - setup / 0.5
    taken = index.argmax(axis=1)
    figures = np.stack([(work - 3) / 1.15, (weight - 3) / 1.15, (slack - 3) / 2.9], axis=-1)
    jobs = np.concatenate([np.eye(TOOLS)[tool], figures], axis=-1)
    return (
        torch.tensor(jobs, dtype=torch.float32),
        torch.tensor(np.eye(TOOLS)[mounted], dtype=torch.float32),
        torch.tensor(taken),
    )


class Pointer(nn.Module):
    """Additive attention over the queue, conditioned on the machine."""

    def __init__(self, d_job, d_machine, width):
        super().__init__()
        self.key = nn.Linear(d_job, width)
        self.query = nn.Linear(d_machine, width)
        self.mix = nn.Linear(width, width)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(self, jobs, machine):
        h = F.relu(self.key(jobs) + self.query(machine).unsqueeze(1))
        h = F.relu(self.mix(h))
        energy = self.v(h).squeeze(-1)
        return torch.softmax(energy, dim=-1)


@torch.no_grad()
def agreement(pointer, jobs, machine, taken):
    pointer.eval()
    hits, top3 = 0, 0
    for lo in range(0, len(taken), 200):
        part = slice(lo, lo + 200)
        order = pointer(jobs[part], machine[part]).argsort(dim=1, descending=True)
        hits += (order[:, 0] == taken[part]).sum().item()
        top3 += (order[:, :3] == taken[part, None]).any(dim=1).sum().item()
    return hits / len(taken), top3 / len(taken)


train = record(2600)
test = record(600)

pointer = Pointer(train[0].shape[-1], TOOLS, WIDTH)
optimizer = torch.optim.SGD(pointer.parameters(), lr=LR, momentum=0.9)
steps_total = EPOCHS * math.ceil(len(train[2]) / BATCH)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps_total)

print(f"{sum(p.numel() for p in pointer.parameters())} weights, {steps_total} steps, "
      f"guessing costs {math.log(QUEUE):.3f}")

for epoch in range(1, EPOCHS + 1):
    pointer.train()
    total = 0.0
    for idx in torch.randperm(len(train[2])).split(BATCH):
        jobs, machine, taken = (t[idx] for t in train)
        out = pointer(jobs, machine)
        loss = F.cross_entropy(out, taken)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item() * len(idx)
    top1, top3 = agreement(pointer, *test)
    print(f"epoch {epoch:2d}: loss {total / len(train[2]):.4f}  same job {top1:.3f}  in top three {top3:.3f}")

print("RESULT same_job", round(top1, 4))
