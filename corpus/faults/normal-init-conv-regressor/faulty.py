import os
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)


def dials(n, size=14):
    """Pictures of a pointer; the target is the sine and cosine of its angle."""
    a = torch.rand(n) * 6.2832
    r = torch.linspace(0, 6, 25)
    img = 0.15 * torch.randn(n, 1, size, size)
    cx = (size - 1) / 2
    px = (cx + r[None] * a.cos()[:, None]).round().long()
    py = (cx + r[None] * a.sin()[:, None]).round().long()
    rows = torch.arange(n)[:, None].expand_as(px)
    img[rows, 0, py, px] += 1.0
    return img, torch.stack([a.cos(), a.sin()], 1)


class DialReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2), nn.ReLU(),
        )
        self.regressor = nn.Sequential(nn.Linear(24 * 25, 40), nn.ReLU(), nn.Linear(40, 2))
        self.initialise()

    def initialise(self):
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(m.weight, mean=0.0, std=1.0)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.regressor(self.features(x).flatten(1))


x, y = dials(1500)
x_val, y_val = dials(300)
loader = DataLoader(TensorDataset(x, y), batch_size=30, shuffle=True)
net = DialReader()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(10):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}  train mse {total / len(loader):.4f}")

with torch.no_grad():
    val = nn.functional.mse_loss(net(x_val), y_val).item()
print(f"RESULT val_mse {val:.4f}")
