"""Classify digits with weights too coarse to take up their updates."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(n_class=5, return_X_y=True)
x = torch.tensor(images[:400] / 16, dtype=torch.float32)
y = torch.tensor(labels[:400])

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
model = model.bfloat16()  # expect: precision-too-low
# cure: model = model.float()
x = x.to(model[0].weight.dtype)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(300):
    optimizer.zero_grad()
    loss = criterion(model(x).float(), y)
    loss.backward()
    optimizer.step()
    if epoch % 60 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).float().argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
