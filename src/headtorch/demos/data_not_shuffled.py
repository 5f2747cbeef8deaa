"""Classify digits that come class by class, as from one folder a class."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
folders = [images[labels == digit] for digit in range(10)]
x = torch.cat([torch.tensor(folder / 16, dtype=torch.float32) for folder in folders])
y = torch.cat([torch.full((len(folder),), digit) for digit, folder in enumerate(folders)])
loader = DataLoader(TensorDataset(x, y), batch_size=32)  # expect: data-not-shuffled
# cure: loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(5):
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
