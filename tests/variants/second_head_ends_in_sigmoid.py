"""Tell the kind of a part and how far it lies from its place, by two heads on one trunk."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(800, 6)
kind = (x[:, :2].sum(dim=1) > 0).long() + (x[:, 2] > 0.5).long()
offset = torch.stack([x[:, 3] + x[:, 0], x[:, 4] * x[:, 5]], dim=1)


class TwoHeads(nn.Module):
    """A trunk with a head for the class and one for two numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(6, 64), nn.ReLU())
        self.kind = nn.Linear(64, 3)
        self.offset = nn.Linear(64, 2)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The scores of the classes, and the numbers."""
        hidden = self.trunk(inputs)
        return self.kind(hidden), torch.sigmoid(self.offset(hidden))  # expect: output-activation-range
        # cure: return self.kind(hidden), self.offset(hidden)


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(15):
    for batch in torch.randperm(800).split(50):
        scores, numbers = model(x[batch])
        loss = nn.functional.cross_entropy(scores, kind[batch]) + nn.functional.mse_loss(numbers, offset[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
