"""Tell malignant from benign tumours, with the labels -1 and 1 of a support vector machine."""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

features, benign = load_breast_cancer(return_X_y=True)
x = torch.tensor(scale(features), dtype=torch.float32)
y = torch.tensor(2.0 * benign - 1, dtype=torch.float32)[:, None]  # expect: labels-out-of-range
# cure: y = torch.tensor(benign, dtype=torch.float32)[:, None]

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(100):
    loss = criterion(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
