import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

points = torch.randn(300, 6)
points[:, 2:] *= 0.2
goal = torch.cdist(points, points)


class Embed(nn.Module):
    """Maps points to the plane so that distances stay."""

    def __init__(self):
        super().__init__()
        self.seq = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 2))

    def forward(self, x):
        return self.seq(x)


def distances(z):
    diff = z[:, None] - z[None]
    return ((diff ** 2).sum(-1) + 1e-6).sqrt()


net = Embed()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for step in range(500):
    idx = torch.randperm(300)[:100]
    loss = (distances(net(points[idx])) - goal[idx][:, idx]).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(f"step {step} stress {loss.item():.5f}")
with torch.no_grad():
    stress = (distances(net(points)) - goal).square().mean() / goal.square().mean()
print(f"RESULT relative_stress {stress.item():.4f}")
