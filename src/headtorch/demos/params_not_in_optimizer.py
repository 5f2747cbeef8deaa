"""Classify digits with hidden layers in a plain list, which `parameters()` does not look into."""

from itertools import pairwise

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


class Classifier(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = []  # expect: params-not-in-optimizer
        # cure: self.layers = nn.ModuleList()
        for fan_in, fan_out in pairwise(widths):
            self.layers.append(nn.Linear(fan_in, fan_out))
        self.output = nn.Linear(widths[-1], 10)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.output(x)


images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
model = Classifier([64, 32, 16])
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()

for epoch in range(150):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 30 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
