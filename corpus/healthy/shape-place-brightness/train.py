import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SIZE = 20


class Parts(Dataset):
    """Pictures of one part on a belt: a disc, a plate or a cross, its centre, and how bright it is."""

    def __init__(self, n):
        self.kind = torch.randint(0, 3, (n,))
        self.centre = 5 + 9 * torch.rand(n, 2)
        self.light = 0.5 + torch.rand(n)
        grid = torch.arange(SIZE).float()
        dx = (grid[None, None, :] - self.centre[:, 0, None, None]).expand(n, SIZE, SIZE)
        dy = (grid[None, :, None] - self.centre[:, 1, None, None]).expand(n, SIZE, SIZE)
        disc = dx ** 2 + dy ** 2 < 16
        plate = (dx.abs() < 3.4) & (dy.abs() < 3.4)
        cross = ((dx.abs() < 1.3) | (dy.abs() < 1.3)) & (dx.abs() < 4.5) & (dy.abs() < 4.5)
        shape = torch.stack([disc, plate, cross], 1)[torch.arange(n), self.kind].float()
        image = shape * self.light[:, None, None] + 0.15 * torch.randn(n, SIZE, SIZE)
        self.image = ((image - 0.12) / 0.35).unsqueeze(1)
        self.centre_z, self.light_z = (self.centre - 9.5) / 2.6, (self.light - 1.0) / 0.29

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        return self.image[i], self.kind[i], self.centre_z[i], self.light_z[i]


class Inspector(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(24 * 5 * 5, 64), nn.ReLU())
        self.kind = nn.Linear(64, 3)
        self.centre = nn.Linear(64, 2)
        self.light = nn.Linear(64, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.kind(h), self.centre(h), self.light(h).squeeze(1)


class Weighted(nn.Module):
    """Each task is weighted by a learned log variance (Kendall, Gal and Cipolla)."""

    def __init__(self, tasks):
        super().__init__()
        self.log_var = nn.Parameter(torch.zeros(tasks))

    def forward(self, ce, *squares):
        s = self.log_var
        total = torch.exp(-s[0]) * ce + 0.5 * s[0]
        for k, sq in enumerate(squares, start=1):
            total = total + 0.5 * torch.exp(-s[k]) * sq + 0.5 * s[k]
        return total


def evaluate(net, loader):
    net.eval()
    right, off, n = 0, 0.0, 0
    with torch.no_grad():
        for x, kind, centre, light in loader:
            k, c, _ = net(x)
            right += (k.argmax(1) == kind).sum().item()
            off += ((c - centre) * 2.6).norm(dim=1).sum().item()
            n += len(x)
    return right / n, off / n


train_loader = DataLoader(Parts(1500), batch_size=50, shuffle=True)
test_loader = DataLoader(Parts(500), batch_size=250)
net, weigh = Inspector(), Weighted(3)
optimizer = torch.optim.Adam([
    {"params": net.parameters(), "lr": 2e-3},
    {"params": weigh.parameters(), "lr": 1e-2},
])

for epoch in range(12):
    net.train()
    running = 0.0
    for x, kind, centre, light in train_loader:
        k, c, b = net(x)
        loss = weigh(F.cross_entropy(k, kind), F.mse_loss(c, centre), F.mse_loss(b, light))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    acc, off = evaluate(net, test_loader)
    logs = ", ".join(f"{v:.2f}" for v in weigh.log_var.tolist())
    print(f"[{epoch + 1:2d}] loss {running / len(train_loader):+.4f}  log variances {logs}  kind {acc:.4f}  centre off by {off:.3f} px")

print(f"RESULT kind_accuracy {acc:.4f}")
