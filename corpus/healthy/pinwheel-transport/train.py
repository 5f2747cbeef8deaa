import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


def pinwheel(n, arms=5):
    arm = torch.randint(0, arms, (n,))
    radius = 1 + 0.3 * torch.randn(n)
    side = 0.1 * torch.randn(n)
    turn = 2 * math.pi * arm / arms + 0.4 * torch.exp(radius)
    c, s = torch.cos(turn), torch.sin(turn)
    return 1.4 * torch.stack([radius * c - side * s, radius * s + side * c], 1)


class Velocity(nn.Module):
    """Direction in which a point moves at time t on its way from noise (t = 0) to data (t = 1)."""

    def __init__(self, hidden=64):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2 + 5, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, 2))

    def forward(self, x, t):
        times = torch.cat([t, torch.sin(math.pi * t), torch.cos(math.pi * t),
                           torch.sin(2 * math.pi * t), torch.cos(2 * math.pi * t)], 1)
        return self.net(torch.cat([x, times], 1))


def flow_loss(net, data):
    noise = torch.randn_like(data)
    t = torch.rand(len(data), 1)
    between = (1 - t) * noise + t * data
    return ((net(between, t) - (data - noise)) ** 2).mean()


@torch.no_grad()
def generate(net, n, steps=25):
    net.eval()
    x, h = torch.randn(n, 2), 1.0 / steps
    for k in range(steps):
        t = torch.full((n, 1), k * h)
        v = net(x, t)
        x = x + 0.5 * h * (v + net(x + h * v, t + h))          # Heun
    net.train()
    return x


def sliced_distance(a, b, directions=100):
    angle = torch.linspace(0, math.pi, directions + 1)[:-1]
    d = torch.stack([torch.cos(angle), torch.sin(angle)])
    return ((a @ d).sort(dim=0).values - (b @ d).sort(dim=0).values).abs().mean().item()


def train(net, data, steps=1600, batch=256, lr=3e-3):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda k: min(1.0, (k + 1) / 50) * 0.5 * (1 + math.cos(math.pi * k / steps)))
    recent = []
    for step in range(1, steps + 1):
        loss = flow_loss(net, data[torch.randint(0, len(data), (batch,))])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        recent.append(loss.item())
        if step % 400 == 0:
            print(f"step {step}: loss {sum(recent[-400:]) / 400:.4f} distance {sliced_distance(generate(net, 2000), held_out):.4f}")


held_out = pinwheel(2000)
print(f"distance of noise {sliced_distance(torch.randn(2000, 2), held_out):.4f}, of other true points {sliced_distance(pinwheel(2000), held_out):.4f}")
net = Velocity()
train(net, pinwheel(6000))
print("RESULT sliced_wasserstein", round(sliced_distance(generate(net, 2000), held_out), 4))
