import os
import torch
from torch import nn
from sklearn.datasets import make_friedman1

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_friedman1(3000, n_features=7, noise=0.3, random_state=SEED)
X = torch.tensor(X, dtype=torch.float32) * 3.46 - 1.73
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32).unsqueeze(1)
X_train, y_train, X_test, y_test = X[:2400], y[:2400], X[2400:], y[2400:]


class Sum(nn.Module):
    """A linear part and a curved part that are fitted in turns."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(7, 1)
        self.curved = nn.Sequential(nn.Linear(7, 64), nn.CELU(), nn.Linear(64, 64), nn.CELU(), nn.Linear(64, 1))

    def forward(self, x):
        return self.linear(x) + self.curved(x)


def set_trainable(module, flag):
    for p in module.parameters():
        p.requires_grad_(flag)


model = Sum()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for rnd in range(24):
    turn = rnd % 3 == 0
    set_trainable(model.linear, turn)
    set_trainable(model.curved, not turn)
    total = 0.0
    for idx in torch.randperm(2400).split(60):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() / 40
    if rnd % 3 == 2:
        print(f"round {rnd + 1} ({'linear' if turn else 'curved'}): {total:.5f}")

with torch.no_grad():
    r2 = 1 - nn.functional.mse_loss(model(X_test), y_test) / y_test.var()
print(f"RESULT r2 {r2.item():.4f}")
