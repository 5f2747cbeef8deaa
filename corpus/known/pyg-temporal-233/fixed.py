import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

NODES, LAGS, WEEKS = 20, 4, 75


class Snapshot:
    def __init__(self, x, y):
        self.x, self.y = x, y


def chickenpox():
    """Weekly cases of 20 counties: level and season differ by county, neighbours influence each other."""
    where = torch.rand(NODES, 2)
    dist = torch.cdist(where, where)
    adj = (dist < 0.35).float()
    adj = adj / adj.sum(1, keepdim=True)
    level = torch.randn(NODES)
    phase = 6.28 * torch.rand(NODES)
    amp = 0.3 + 0.5 * torch.rand(NODES)
    series, noise = [], torch.zeros(NODES)
    for w in range(WEEKS + LAGS):
        noise = 0.7 * adj @ noise + 0.15 * torch.randn(NODES)
        series.append(level + amp * torch.sin(6.28 * w / 26 + phase) + noise)
    series = torch.stack(series, 1)
    series = (series - series.mean()) / series.std()
    return adj, [Snapshot(series[:, t:t + LAGS], series[:, t + LAGS]) for t in range(WEEKS)]


class DCRNN(nn.Module):
    """Gated recurrent cell with diffusion over the graph."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.out_channels = out_channels
        self.update = nn.Linear(2 * (in_channels + out_channels), out_channels)
        self.reset = nn.Linear(2 * (in_channels + out_channels), out_channels)
        self.candidate = nn.Linear(2 * (in_channels + out_channels), out_channels)

    @staticmethod
    def diffuse(x, h, adj):
        xh = torch.cat([x, h], dim=1)
        return torch.cat([xh, adj @ xh], dim=1)

    def forward(self, x, adj):
        h = torch.zeros(x.size(0), self.out_channels)
        xh = self.diffuse(x, h, adj)
        z, r = torch.sigmoid(self.update(xh)), torch.sigmoid(self.reset(xh))
        c = torch.tanh(self.candidate(self.diffuse(x, r * h, adj)))
        return z * h + (1 - z) * c


class RecurrentGCN(nn.Module):
    def __init__(self, node_features):
        super().__init__()
        self.recurrent = DCRNN(node_features, 32)
        self.linear = nn.Linear(32, 1)

    def forward(self, x, adj):
        h = F.relu(self.recurrent(x, adj))
        return self.linear(h)


adj, dataset = chickenpox()
train_dataset, test_dataset = dataset[:60], dataset[60:]
model = RecurrentGCN(node_features=LAGS)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

model.train()
for epoch in range(40):
    cost = 0
    for time, snapshot in enumerate(train_dataset):
        y_hat = model(snapshot.x, adj).squeeze(1)
        cost = cost + torch.mean((y_hat - snapshot.y) ** 2)
    cost = cost / (time + 1)
    cost.backward()
    optimizer.step()
    optimizer.zero_grad()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1} cost {cost.item():.4f}")

model.eval()
with torch.no_grad():
    errors = [F.mse_loss(model(s.x, adj).view(-1), s.y).item() for s in test_dataset]
mse = sum(errors) / len(errors)
print(f"RESULT mse {mse:.4f}")
