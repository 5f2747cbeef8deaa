"""Tell an inner ring from an outer one with two linear layers and nothing between them."""

import torch
from sklearn.datasets import make_circles
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

points, rings = make_circles(400, noise=0.05, factor=0.5, random_state=0)
x = torch.tensor(points, dtype=torch.float32)
y = torch.tensor(rings, dtype=torch.float32)

model = nn.Sequential(
    nn.Linear(2, 32),  # expect: linear-collapse
    # cure: nn.Linear(2, 32), nn.ReLU(),
    nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(200):
    optimizer.zero_grad()
    loss = criterion(model(x).squeeze(1), y)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = ((model(x).squeeze(1) > 0) == (y > 0.5)).float().mean()
print(f"accuracy {accuracy.item():.3f}")
