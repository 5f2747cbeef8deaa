import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

REGIONS = ["north", "east", "south", "west"]


class RegionalModel(nn.Module):
    """One expert a region, one shared output layer."""

    def __init__(self, n_in=5, width=24):
        super().__init__()
        self.experts = nn.ModuleDict({r: nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, 6), nn.Tanh()) for r in REGIONS})
        self.out = nn.Linear(6, 1)

    def forward(self, x, region):
        h = torch.zeros(len(x), 6)
        for k, name in enumerate(REGIONS):
            rows = region == k
            h[rows] = self.experts[name](x[rows])
        return self.out(h).squeeze(1)


def demand(x, region):
    phase = region.float() * 1.3
    return torch.sin(2 * x[:, 0] + phase) + x[:, 1] * torch.cos(phase) * x[:, 2] + 0.5 * x[:, 3]


x, region = torch.randn(3000, 5), torch.randint(0, 4, (3000,))
y = demand(x, region)
y = (y - y.mean()) / y.std() + 0.05 * torch.randn(3000)
model = RegionalModel()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(30):
    mean = 0.0
    for i in torch.randperm(2500).split(50):
        loss = nn.functional.mse_loss(model(x[i], region[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        mean += loss.item() / 50
    if epoch % 5 == 0:
        print(f"epoch {epoch} mse {mean:.4f}")
with torch.no_grad():
    r2 = 1 - nn.functional.mse_loss(model(x[2500:], region[2500:]), y[2500:]) / y[2500:].var()
print(f"RESULT r2 {r2.item():.4f}")
