"""Classify digits with sigmoids so steep that they work as switches."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


class SteepSigmoid(nn.Module):
    def forward(self, x):
        return torch.sigmoid(200 * x)  # expect: saturated-activations
        # cure: return torch.sigmoid(4 * x)


images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
model = nn.Sequential(
    nn.Linear(64, 16),
    SteepSigmoid(),
    nn.Linear(16, 16),
    SteepSigmoid(),
    nn.Linear(16, 4),
    SteepSigmoid(),
    nn.Linear(4, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(200):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 40 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
