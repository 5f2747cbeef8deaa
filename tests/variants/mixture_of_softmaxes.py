"""Classify digits by the mean of two experts' shares."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class Experts(nn.Module):
    """Two networks that vote."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10)) for _ in range(2))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The shares of the classes."""
        return torch.stack([expert(inputs).softmax(dim=1) for expert in self.experts]).mean(dim=0)


model = Experts()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(6):
    for batch in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])  # expect: double-softmax
        # cure: loss = nn.functional.nll_loss(torch.log(model(x[batch]) + 1e-9), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
