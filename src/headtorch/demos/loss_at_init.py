"""Classify digits with a last layer whose first scores are ten times too large."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 10),  # expect: loss-at-init
)
nn.init.normal_(model[2].weight, std=1.5)
# cure: nn.init.normal_(model[2].weight, std=0.1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for _ in range(12):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"loss {loss.item():.3f}")
