"""Two heads on the diabetes patients; the loss of the second is made into a new tensor."""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

torch.manual_seed(0)

patients, progress = load_diabetes(return_X_y=True)
x = torch.tensor(patients * 20, dtype=torch.float32)
y = torch.tensor((progress - progress.mean()) / progress.std(), dtype=torch.float32)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 32), nn.Tanh())
        self.amount, self.high = nn.Linear(32, 1), nn.Linear(32, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.body(x)
        return self.amount(seen)[:, 0], self.high(seen)[:, 0]


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(10):
    for batch in torch.randperm(440).split(20):
        amount, high = model(x[batch])
        first = nn.functional.mse_loss(amount, y[batch])
        second = nn.functional.binary_cross_entropy_with_logits(high, (y[batch] > 0).float())
        loss = first + torch.tensor(second.item())  # expect: graph-detached
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
