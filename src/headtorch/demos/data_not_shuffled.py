"""Classify wines that come in the order of their class."""

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

measurements, cultivars = load_wine(return_X_y=True)
x = torch.tensor(scale(measurements), dtype=torch.float32)
y = torch.tensor(cultivars)
loader = DataLoader(TensorDataset(x, y), batch_size=8)  # expect: data-not-shuffled
# cure: loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)

model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
