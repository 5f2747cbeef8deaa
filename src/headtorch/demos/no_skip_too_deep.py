"""Classify digits through twenty layers in a row, without a way around any of them."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


class DeepClassifier(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.input = nn.Linear(64, 32)
        self.blocks = nn.ModuleList(nn.Linear(32, 32) for _ in range(depth))
        self.output = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.input(x))
        for block in self.blocks:
            x = torch.relu(block(x))  # expect: no-skip-too-deep
            # cure: x = x + torch.relu(block(x))
        return self.output(x)


images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
model = DeepClassifier(depth=18)
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
criterion = nn.CrossEntropyLoss()

for epoch in range(100):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
