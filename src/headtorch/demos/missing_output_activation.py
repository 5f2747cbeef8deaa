"""Classify irises, giving raw scores to a loss that expects log-probabilities."""

import torch
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

flowers, species = load_iris(return_X_y=True)
x = torch.tensor(scale(flowers), dtype=torch.float32)
y = torch.tensor(species)

model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(200):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(model(x), y)  # expect: missing-output-activation
    # cure: loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 40 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

with torch.no_grad():
    surprise = nn.functional.cross_entropy(model(x), y)
print(f"cross entropy {surprise.item():.3f}")
