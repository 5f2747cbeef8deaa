import argparse
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

ap = argparse.ArgumentParser()
ap.add_argument("--n-epochs", type=int, default=40)
ap.add_argument("--width", type=int, default=24)
args = ap.parse_args()
torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

templates = (torch.randn(4, 1, 10, 10) > 0.8).float()


def draw(n, flip):
    y = torch.randint(0, 4, (n,))
    x = templates[y] + 0.8 * torch.randn(n, 1, 10, 10)
    wrong = torch.rand(n) < flip
    return TensorDataset(x, torch.where(wrong, torch.randint(0, 4, (n,)), y))


class Conv(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, w, 3, padding=1), nn.Conv2d(w, w, 3, padding=1)
        self.c, self.d = nn.Linear(w * 25, 64), nn.Linear(64, 4)

    def forward(self, x):
        x = F.max_pool2d(F.elu(self.b(F.elu(self.a(x)))), 2)
        return self.d(F.elu(self.c(x.flatten(1))))


train_dl = DataLoader(draw(500, 0.3), batch_size=25, shuffle=True)
val_x, val_y = draw(600, 0.3).tensors
test_x, test_y = draw(600, 0.3).tensors
net = Conv(args.width)
opt = torch.optim.Adam(net.parameters(), lr=5e-4)
for epoch in range(args.n_epochs):
    run = 0.0
    for x, y in train_dl:
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        run += loss.item() / len(train_dl)
    with torch.no_grad():
        val = F.cross_entropy(net(val_x), val_y).item()
    print(f"epoch {epoch:2d} train {run:.4f} val {val:.4f}")

with torch.no_grad():
    nll = F.cross_entropy(net(test_x), test_y).item()
print(f"RESULT test_nll {nll:.4f}")
