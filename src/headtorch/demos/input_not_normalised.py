"""Classify wines from raw measurements, some near 0.1 and some above 1000."""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

measurements, cultivars = load_wine(return_X_y=True)
x = torch.tensor(measurements, dtype=torch.float32)  # expect: input-not-normalised
# cure: x = torch.tensor((measurements - measurements.mean(axis=0)) / measurements.std(axis=0), dtype=torch.float32)
y = torch.tensor(cultivars)

model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(300):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 60 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
