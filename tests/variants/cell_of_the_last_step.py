"""Tell whether a sequence of signs has a positive sum, by a cell in a loop."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randint(0, 2, (900, 9)) * 2.0 - 1
y = (x.sum(dim=1) > 0).long()


class Counter(nn.Module):
    """A cell that is given one step after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(1, 24)
        self.out = nn.Linear(24, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The scores of no and yes."""
        state = torch.zeros(len(inputs), 24)
        for step in range(inputs.shape[1]):
            state = self.cell(inputs[:, step : step + 1])  # expect: hidden-state-misuse
            # cure: state = self.cell(inputs[:, step : step + 1], state)
        return self.out(state)


model = Counter()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(6):
    for batch in torch.randperm(900).split(50):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
