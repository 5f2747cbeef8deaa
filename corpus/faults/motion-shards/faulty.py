import os
import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

ACTIVITIES = ["walk", "run", "stairs", "cycle", "row"]


def record(activity, n, length=40):
    """One recording session of one activity, cut into windows of three axes."""
    k = ACTIVITIES.index(activity)
    t = torch.arange(length) / length
    phase = torch.rand(n, 1) * 6.28
    freq = 2 + 1.2 * k + 0.15 * torch.randn(n, 1)
    x = torch.sin(6.28 * freq * t + phase)
    y = torch.sin(6.28 * freq * t + phase + 0.6 * k)
    z = 0.5 * torch.cos(12.56 * freq * t) * (k % 2) + 0.2 * k
    return torch.stack([x, y, z], 1) + 0.4 * torch.randn(n, 3, length)


class SessionStream(IterableDataset):
    def __init__(self, sessions):
        self.sessions = sessions

    def __iter__(self):
        order = list(range(len(self.sessions)))
        random.shuffle(order)
        windows = [(w, label) for s in order for w, label in zip(*self.sessions[s])]
        for i in range(len(windows)):
            yield windows[i]


def sessions(windows_each, repeats):
    out = []
    for _ in range(repeats):
        for k, activity in enumerate(ACTIVITIES):
            out.append((record(activity, windows_each), [k] * windows_each))
    return out


train_sessions = sessions(300, 1)
test_sessions = sessions(80, 1)
everything = torch.cat([w for w, _ in train_sessions])
mu, sigma = everything.mean((0, 2), keepdim=True)[0], everything.std((0, 2), keepdim=True)[0]
train_sessions = [((w - mu) / sigma, l) for w, l in train_sessions]
test_x = torch.cat([(w - mu) / sigma for w, _ in test_sessions])
test_y = torch.tensor([k for _, l in test_sessions for k in l])

net = nn.Sequential(
    nn.Conv1d(3, 24, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(24, 32, 5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool1d(1),
    nn.Flatten(), nn.Linear(32, len(ACTIVITIES)),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.04, momentum=0.9)
lossf = nn.CrossEntropyLoss()

for epoch in range(6):
    net.train()
    losses = []
    for xb, yb in DataLoader(SessionStream(train_sessions), batch_size=32):
        optimizer.zero_grad()
        loss = lossf(net(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        acc = (net(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch + 1}  loss {sum(losses) / len(losses):.4f}  test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
