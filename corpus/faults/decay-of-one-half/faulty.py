import os
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_friedman2
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

X, y = make_friedman2(2000, noise=20.0, random_state=seed)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)

model = nn.Sequential()
model.add_module("in", nn.Linear(4, 40))
model.add_module("act1", nn.Tanh())
model.add_module("mid", nn.Linear(40, 40))
model.add_module("act2", nn.Tanh())
model.add_module("out", nn.Linear(40, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.5)
for epoch in range(30):
    losses = []
    for idx in torch.randperm(1600).split(50):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X[idx]).flatten(), y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 0:
        print("epoch", epoch, "mse", np.round(np.mean(losses), 4))
with torch.no_grad():
    r2 = 1 - ((model(X[1600:]).flatten() - y[1600:]) ** 2).mean() / y[1600:].var()
print(f"RESULT r2 {r2.item():.4f}")
