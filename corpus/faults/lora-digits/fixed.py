import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class LowRankLinear(nn.Module):
    """A frozen linear layer plus a trainable low-rank update."""

    def __init__(self, base, rank=8, alpha=16):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad = False
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features ** 0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * (x @ self.A.T) @ self.B.T


def fit(model, X, y, epochs, lr):
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=lr)
    criterion = nn.CrossEntropyLoss()
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(X)).split(64):
            loss = criterion(model(X[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if (epoch + 1) % 5 == 0:
            print(f"  epoch {epoch + 1} loss {total / len(X):.4f}")


@torch.no_grad()
def accuracy(model, X, y):
    model.eval()
    return (model(X).argmax(1) == y).float().mean().item()


X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 8.0 - 1.0, dtype=torch.float32)
y = torch.tensor(y)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, random_state=SEED, stratify=y)

# the new domain: the same digits, turned by 90 degrees
turn = lambda a: a.view(-1, 8, 8).rot90(1, (1, 2)).reshape(-1, 64)

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))
print("base training")
fit(model, X_tr, y_tr, epochs=15, lr=2e-3)
print(f"base accuracy {accuracy(model, X_te, y_te):.4f}, on turned digits {accuracy(model, turn(X_te), y_te):.4f}")

for k in (0, 2, 4):
    model[k] = LowRankLinear(model[k])
print("adapter training")
fit(model, turn(X_tr), y_tr, epochs=25, lr=3e-3)
print(f"RESULT turned_accuracy {accuracy(model, turn(X_te), y_te):.4f}")
