"""Classify wines; the batch norms average over a thousand batches, and the training has a hundred."""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

measurements, cultivars = load_wine(return_X_y=True)
x = torch.tensor(measurements, dtype=torch.float32)
y = torch.tensor(cultivars)

model = nn.Sequential(
    nn.BatchNorm1d(13, momentum=0.001),  # expect: batchnorm-stats-stale
    # cure: nn.BatchNorm1d(13, momentum=0.1),
    nn.Linear(13, 32),
    nn.ReLU(),
    nn.Linear(32, 3),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(100):
    model.train()
    batch = torch.randperm(len(x))[:128]
    optimizer.zero_grad()
    loss = criterion(model(x[batch]), y[batch])
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
