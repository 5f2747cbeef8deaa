"""Predict the progress of diabetes in its raw unit, from 25 to 346."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(progress, dtype=torch.float32).unsqueeze(1)  # expect: target-not-normalised
# cure: y = torch.tensor((progress - progress.mean()) / progress.std(), dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.MSELoss()

for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

r2 = 1 - ((model(x) - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
print(f"R2 {r2.item():.3f}")
