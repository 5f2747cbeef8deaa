import copy
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

X, y = load_breast_cancer(return_X_y=True)
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
scaler = StandardScaler().fit(X[:420])
X = torch.tensor(scaler.transform(X), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)


def make_net():
    return nn.Sequential(nn.Linear(30, 20), nn.ELU(), nn.Linear(20, 1), nn.Flatten(0))


initial = make_net()
trained = copy.deepcopy(initial)
optimizer = torch.optim.Adam(initial.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(15):
    trained.train()
    total = 0.0
    for rows in torch.randperm(420).split(20):
        loss = criterion(trained(X[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: {total / 21:.4f}")

trained.eval()
with torch.no_grad():
    acc = ((trained(X[420:]) > 0).float() == y[420:]).float().mean().item()
    before = ((initial(X[420:]) > 0).float() == y[420:]).float().mean().item()
print(f"before {before:.4f}")
print(f"RESULT accuracy {acc:.4f}")
