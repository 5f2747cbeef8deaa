# Which alarm is in force at the end of a window of plant log events? GRU on a simulated event stream.
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

N_ALARMS = 6          # event codes 0..5 are alarms, the others are routine messages
N_CODES = 40
WINDOW = 20
BATCH = 64
STEPS = 540


def log_windows(rng, n):
    """Windows with a few alarms among routine messages; the label is the alarm raised last."""
    codes = rng.integers(N_ALARMS, N_CODES, (n, WINDOW))
    alarms = rng.integers(0, N_ALARMS, (n, WINDOW))
    raised = rng.random((n, WINDOW)) < 0.12
    raised[np.arange(n), rng.integers(0, WINDOW, n)] = True
    codes[raised] = alarms[raised]
    last = WINDOW - 1 - raised[:, ::-1].argmax(axis=1)
    return torch.from_numpy(codes), torch.from_numpy(alarms[np.arange(n), last])


class LogStream(IterableDataset):
    """Endless stream of batches from the plant simulator."""

    def __init__(self, seed, batch):
        super().__init__()
        self.seed, self.batch = seed, batch

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            yield log_windows(rng, self.batch)


class AlarmNet(nn.Module):
    def __init__(self, dim=24, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(N_CODES, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.head = nn.Linear(hidden, N_ALARMS)

    def forward(self, codes):
        _, h = self.gru(self.embed(codes))
        return self.head(h[-1])


def accuracy(model, codes, label):
    model.eval()
    with torch.no_grad():
        return (model(codes).argmax(1) == label).float().mean().item()


stream = DataLoader(LogStream(SEED, BATCH), batch_size=None)
val_codes, val_label = log_windows(np.random.default_rng(SEED + 5000), 1000)
test_codes, test_label = log_windows(np.random.default_rng(SEED + 9000), 2000)

model = AlarmNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.1, total_iters=STEPS)

running = 0.0
for step, (codes, label) in zip(range(1, STEPS + 1), stream):
    model.train()
    loss = criterion(model(codes), label)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    running += loss.item()
    if step % 60 == 0:
        print(f"step {step:4d}  train loss {running / 60:.4f}  val accuracy {accuracy(model, val_codes, val_label):.4f}")
        running = 0.0

print(f"RESULT test_accuracy {accuracy(model, test_codes, test_label):.4f}")
