"""Classify irises with a sampler that was given a weight a class in place of a weight an example."""

import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.set_num_threads(1)
torch.manual_seed(0)

flowers, species = load_iris(return_X_y=True)
x = torch.tensor(scale(flowers), dtype=torch.float32)
y = torch.tensor(species)

class_weights = 1 / torch.bincount(y)
sampler = WeightedRandomSampler(class_weights, num_samples=len(x))  # expect: constant-or-duplicate-batch
# cure: sampler = WeightedRandomSampler(class_weights[y], num_samples=len(x))
loader = DataLoader(TensorDataset(x, y), batch_size=16, sampler=sampler)

model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(20):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    if epoch % 4 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
