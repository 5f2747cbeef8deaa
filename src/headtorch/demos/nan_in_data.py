"""Tell malignant tumours from benign ones, from logarithms of measurements that may be zero."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

measurements, benign = load_breast_cancer(return_X_y=True)
x = torch.log(torch.tensor(measurements, dtype=torch.float32))  # expect: nan-in-data
# cure: x = torch.log1p(torch.tensor(measurements, dtype=torch.float32))
x = (x - x.mean(dim=0)) / x.std(dim=0)
y = torch.tensor(benign, dtype=torch.float32)

model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(model(x).squeeze(1), y)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = ((model(x).squeeze(1) > 0) == (y > 0.5)).float().mean()
print(f"accuracy {accuracy.item():.3f}")
