"""Classify digits while the gradients of all earlier steps add up."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        loss.backward()  # expect: no-zero-grad
        # cure: optimizer.zero_grad()
        # cure: loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
