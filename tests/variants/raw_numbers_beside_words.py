"""Tell a price from a kind and two raw numbers."""

import torch
from torch import nn

torch.manual_seed(0)

kind = torch.randint(0, 5, (800,))
shares = torch.rand(800, 2)
price = torch.sin(kind.float()) + 2 * shares[:, 0] + 3 * shares[:, 1] - 2.5
numbers = shares * torch.tensor([20_000.0, 3.0])  # expect: input-not-normalised
# cure: numbers = shares


class Prices(nn.Module):
    """An embedding beside the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = nn.Embedding(5, 4)
        self.layers = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, kinds: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """The price."""
        return self.layers(torch.cat([self.kind(kinds), values], dim=1)).squeeze(1)


model = Prices()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(8):
    for batch in torch.randperm(800).split(40):
        loss = nn.functional.mse_loss(model(kind[batch], numbers[batch]), price[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
