"""Classify wines two at a time, with batch norms that take their statistics from these two."""

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
loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True)
# cure: loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True, drop_last=True)

model = nn.Sequential(
    nn.Linear(13, 16),
    nn.BatchNorm1d(16),  # expect: batchnorm-tiny-batch
    nn.ReLU(),
    nn.Linear(16, 16),
    nn.BatchNorm1d(16),
    nn.ReLU(),
    nn.Linear(16, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
