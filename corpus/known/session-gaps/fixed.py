import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

N_EVENTS = 24


def sessions(n):
    """Sessions of a web site as Unix times of their requests: people (0) and scripts that poll (1)."""
    labels = rng.integers(0, 2, n)
    pace = rng.lognormal(np.log(5.0), 0.5, (n, 1))
    people = pace * rng.lognormal(-0.4, 0.9, (n, N_EVENTS - 1))
    scripts = pace * np.clip(1 + 0.15 * rng.standard_normal((n, N_EVENTS - 1)), 0.3, None)
    waits = np.where(labels[:, None] == 1, scripts, people)
    begin = 1_700_000_000 + rng.uniform(0, 90 * 86400, (n, 1))
    stamps = np.concatenate([begin, begin + np.cumsum(waits, axis=1)], axis=1)
    return stamps, labels


def to_features(stamps):
    t = torch.tensor(stamps, dtype=torch.float64)
    gaps = t[:, 1:] - t[:, :-1]
    return torch.log1p(gaps).float().unsqueeze(1)


class SessionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv1d(16, 16, 3, padding=1), nn.ReLU(),
        )
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        return self.fc(self.conv(x).mean(dim=2))


train_stamps, train_labels = sessions(1500)
test_stamps, test_labels = sessions(600)
x_train, x_test = to_features(train_stamps), to_features(test_stamps)
mean, std = x_train.mean(), x_train.std()
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
y_train, y_test = torch.tensor(train_labels), torch.tensor(test_labels)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)

model = SessionNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(15):
    model.train()
    losses = []
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.4f}  test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
