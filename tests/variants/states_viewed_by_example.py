"""Tell the slope of a noisy line, by the last states of both directions."""

import torch
from torch import nn

torch.manual_seed(0)

slopes = torch.randint(0, 3, (600,))
x = (slopes - 1.0)[:, None] * torch.linspace(-1, 1, 12) + 0.3 * torch.randn(600, 12)


class TwoWays(nn.Module):
    """A GRU that reads both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 16, batch_first=True, bidirectional=True)
        self.out = nn.Linear(32, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The scores of the classes."""
        _, states = self.gru(inputs)
        return self.out(states.view(len(inputs), -1))  # expect: wrong-dimension
        # cure: return self.out(states.transpose(0, 1).flatten(1))


model = TwoWays()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(6):
    for batch in torch.randperm(600).split(40):
        loss = nn.functional.cross_entropy(model(x[batch, :, None]), slopes[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
