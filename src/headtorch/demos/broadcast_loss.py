"""Predict the progress of diabetes, (N, 1) predictions against (N,) targets."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(scale(progress), dtype=torch.float32)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(200):
    loss = ((model(x) - y) ** 2).mean()  # expect: broadcast-loss
    # cure: loss = ((model(x).squeeze(1) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

with torch.no_grad():
    r2 = 1 - ((model(x).squeeze(1) - y) ** 2).sum() / (y**2).sum()
print(f"R2 {r2.item():.3f}")
