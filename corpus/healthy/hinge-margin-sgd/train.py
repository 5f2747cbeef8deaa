import os
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = load_breast_cancer(return_X_y=True)
order = np.random.RandomState(seed).permutation(len(y))
X, y = X[order], 2.0 * y[order] - 1
X = torch.tensor((X - X[:400].mean(0)) / X[:400].std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)

svm = torch.nn.Linear(30, 1)
C = 0.5
opt = torch.optim.SGD(svm.parameters(), lr=0.05)
for epoch in range(40):
    for group in opt.param_groups:
        group["lr"] = 0.05 / (1 + 0.1 * epoch)
    losses, active = [], 0
    for rows in torch.randperm(400).split(20):
        margin = y[rows] * svm(X[rows]).squeeze(1)
        hinge = torch.clamp(1 - margin, min=0)
        loss = C * hinge.mean() + 0.005 * svm.weight.pow(2).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
        active += (hinge > 0).sum().item()
    if epoch % 8 == 0:
        print(f"epoch {epoch} objective {np.mean(losses):.4f} active margins {active}")
with torch.no_grad():
    acc = (torch.sign(svm(X[400:]).squeeze(1)) == y[400:]).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
