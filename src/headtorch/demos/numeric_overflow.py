"""Tell zeros from ones with a cross entropy written out, until a probability is exactly 1."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(n_class=2, return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels, dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(600):
    p = model(x)
    loss = -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()  # expect: numeric-overflow
    # cure: loss = nn.functional.binary_cross_entropy(p, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 100 == 0:
        print(f"epoch {epoch}: loss {loss.item():.5f}")

accuracy = ((model(x) > 0.5) == (y > 0.5)).float().mean()
print(f"accuracy {accuracy.item():.3f}")
