import os
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

x = rng.uniform(-2, 2, (4000, 2)).astype("float32")
y = (np.sin(2 * x[:, 0]) + 0.3 * x[:, 1] + (0.2 + 0.2 * np.abs(x[:, 1])) * rng.gumbel(size=4000)).astype("float32")
x, y = torch.from_numpy(x), torch.from_numpy(y)
QUANTILES = torch.tensor([0.1, 0.5, 0.9])


class PinballLoss(nn.Module):
    def __init__(self, quantiles):
        super().__init__()
        self.register_buffer("q", quantiles)

    def forward(self, pred, target):
        diff = target.unsqueeze(1) - pred
        return torch.maximum(self.q * diff, (self.q - 1) * diff).mean()


model = nn.Sequential(nn.Linear(2, 48), nn.Softplus(), nn.Linear(48, 48), nn.Softplus(), nn.Linear(48, 3))
criterion = PinballLoss(QUANTILES)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
for epoch in range(30):
    mean = 0.0
    for idx in torch.randperm(3200).split(64):
        loss = criterion(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean += loss.item() / 50
    scheduler.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch} pinball {mean:.4f}")

with torch.no_grad():
    out = model(x[3200:])
    below = (y[3200:, None] < out).float().mean(0)
print("share below each quantile", [round(v, 3) for v in below.tolist()])
print(f"RESULT coverage_error {(below - QUANTILES).abs().max().item():.4f}")
