"""Adapt a trained network to turned digits by a low-rank update of its first layer."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


class LowRank(nn.Module):
    """A frozen linear layer and a product of two narrow matrices."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Parameter(torch.zeros(4, 64))  # expect: zero-or-constant-init
        # cure: self.down = nn.Parameter(0.1 * torch.randn(4, 64))
        self.up = nn.Parameter(torch.zeros(32, 4))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The layer's output and the update's."""
        return self.layer(inputs) + inputs @ self.down.T @ self.up.T


def fit(model: nn.Module, inputs: torch.Tensor, epochs: int) -> float:
    """Train what is not frozen."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(epochs):
        for batch in torch.randperm(1500).split(50):
            loss = nn.functional.cross_entropy(model(inputs[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
print(fit(model, x, 3))
model[2].requires_grad_(False)
model[0] = LowRank(model[0])
print(fit(model, x.view(-1, 8, 8).rot90(1, (1, 2)).reshape(-1, 64), 6))
