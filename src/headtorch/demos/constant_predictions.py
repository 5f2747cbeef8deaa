"""Predict the progress of diabetes, with a norm over the one number that the network says."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(scale(progress), dtype=torch.float32)[:, None]

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.ReLU(),
    nn.Linear(32, 1),
    nn.GroupNorm(1, 1),  # expect: constant-predictions
    # cure: nn.Identity(),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(20):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
