import os

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

SITES, HORIZON = 24, 10
KERNEL = torch.tensor([[[0.25, 0.45, 0.25]]])


def simulate(n, steps):
    """Random fields on a ring and how they look after 1, 2, ... steps."""
    field = torch.randn(n, 1, SITES)
    path = [field]
    for _ in range(steps):
        around = torch.cat([path[-1][..., -1:], path[-1], path[-1][..., :1]], dim=-1)
        path.append(1.1 * torch.tanh(1.5 * nn.functional.conv1d(around, KERNEL)))
    return torch.stack(path)


class TimeStep(nn.Module):
    """One step of the field: a residual convolution on the ring."""

    def __init__(self, width=24):
        super().__init__()
        self.mix = nn.Conv1d(1, width, 3, padding=1, padding_mode="circular")
        self.out = nn.Conv1d(width, 1, 1)

    def forward(self, field):
        return field + self.out(torch.tanh(self.mix(field)))


class Rollout(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.blocks = nn.ModuleList([TimeStep() for _ in range(steps)])

    def forward(self, field, steps):
        for block in self.blocks[:steps]:
            field = block(field)
        return field


train, test = simulate(1024, HORIZON), simulate(256, HORIZON)
model = Rollout(HORIZON)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(24):
    total = 0.0
    for idx in torch.randperm(1024).split(64):
        steps = int(torch.randint(1, 5, ()))
        loss = nn.functional.mse_loss(model(train[0, idx], steps), train[steps, idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 16
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: mse {total:.5f}")
with torch.no_grad():
    error = nn.functional.mse_loss(model(test[0], HORIZON), test[HORIZON]) / test[HORIZON].var()
print(f"RESULT relative_rollout_error {error.item():.4f}")
