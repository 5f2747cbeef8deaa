"""Tell an inner ring from an outer one with a single hidden unit."""

import torch
from sklearn.datasets import make_circles
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

points, rings = make_circles(400, noise=0.05, factor=0.5, random_state=0)
x = torch.tensor(points, dtype=torch.float32)
y = torch.tensor(rings)

hidden = 1  # expect: capacity-too-small
# cure: hidden = 32
model = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
criterion = nn.CrossEntropyLoss()

for epoch in range(400):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 80 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
