"""Predict the progress of diabetes, and train on long after the validation loss has turned."""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, progress = load_diabetes(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(scale(progress), dtype=torch.float32).unsqueeze(1)
order = torch.randperm(len(x))
train, valid = order[:300], order[300:]

model = nn.Sequential(nn.Linear(10, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(300):  # expect: overfitting
    # cure: for epoch in range(15):
    model.train()
    loss = nn.functional.mse_loss(model(x[train]), y[train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        valid_loss = nn.functional.mse_loss(model(x[valid]), y[valid])
    if epoch % 50 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f} valid {valid_loss.item():.3f}")

print(f"valid loss {valid_loss.item():.3f}")
