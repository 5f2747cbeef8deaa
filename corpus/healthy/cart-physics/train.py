"""A controller trained by differentiating through the simulator: park a cart with a bounded motor at the origin."""
import os
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

DT, STEPS, FORCE = 0.1, 50, 1.5


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2), nn.Tanh())

    def forward(self, state):
        return FORCE * self.net(state)


def simulate(policy, pos, vel):
    cost = 0.0
    wind = torch.tensor([0.3, -0.2])
    for _ in range(STEPS):
        u = policy(torch.cat([pos, vel], dim=1))
        vel = vel + DT * (u + wind - 0.4 * vel * vel.norm(dim=1, keepdim=True))
        pos = pos + DT * vel
        cost = cost + (pos ** 2).sum(1) + 0.05 * (u ** 2).sum(1)
    return cost.mean() / STEPS, pos, vel


def starts(n):
    return torch.rand(n, 2) * 4 - 2, torch.randn(n, 2) * 0.3


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=50, gamma=0.5)
test_pos, test_vel = starts(400)
for it in range(121):
    optimizer.zero_grad()
    loss, _, _ = simulate(policy, *starts(64))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if it % 20 == 0:
        with torch.no_grad():
            c, p, v = simulate(policy, test_pos, test_vel)
        print(f"{it:4d}  cost {loss.item():.3f}  test cost {c.item():.3f}  final distance {p.norm(dim=1).mean().item():.3f}")
with torch.no_grad():
    _, p, _ = simulate(policy, test_pos, test_vel)
print("RESULT parked", round((p.norm(dim=1) < 0.3).float().mean().item(), 4))
