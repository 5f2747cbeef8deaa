"""Classify digits with a network whose second layer is made and never called."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 64)
        self.second = nn.Linear(64, 64)  # expect: unused-parameters
        # cure:
        self.head = nn.Linear(64, 10)

    def forward(self, images):
        return self.head(torch.relu(self.first(images)))


model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for _ in range(5):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"loss {loss.item():.3f}")
