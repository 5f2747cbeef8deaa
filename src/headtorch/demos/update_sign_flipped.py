"""Classify digits with an update written by hand that climbs."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()

for epoch in range(100):
    model.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * parameter.grad  # expect: update-sign-flipped
            # cure: parameter -= 0.5 * parameter.grad
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
