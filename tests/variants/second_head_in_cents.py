"""Tell the kind of a parcel and its price in cents, by two heads on one trunk."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(800, 6)
kind = (x[:, :2].sum(dim=1) > 0).long() + (x[:, 2] > 0.5).long()
price = 60_000 + 9_000 * x[:, 3] - 7_000 * x[:, 4] * x[:, 5]  # expect: target-not-normalised
# cure: price = (60_000 + 9_000 * x[:, 3] - 7_000 * x[:, 4] * x[:, 5] - 60_000) / 11_000


class TwoHeads(nn.Module):
    """A trunk with a head for the class and one for the number."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(6, 64), nn.ReLU())
        self.kind = nn.Linear(64, 3)
        self.price = nn.Linear(64, 1)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The scores of the classes, and the number."""
        hidden = self.trunk(inputs)
        return self.kind(hidden), self.price(hidden).squeeze(1)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(15):
    for batch in torch.randperm(800).split(50):
        scores, number = model(x[batch])
        loss = nn.functional.cross_entropy(scores, kind[batch]) + nn.functional.mse_loss(number, price[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
