"""u_t = k u_xx on [0, 1], u = 0 at both ends, u(x, 0) = sin(pi x) + 0.5 sin(2 pi x)."""
import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
KAPPA = 0.1
pi = math.pi


def initial(x):
    return torch.sin(pi * x) + 0.5 * torch.sin(2 * pi * x)


def exact(x, t):
    return math.e ** (-KAPPA * pi ** 2 * t) * torch.sin(pi * x) + 0.5 * math.e ** (-4 * KAPPA * pi ** 2 * t) * torch.sin(2 * pi * x)


class Sine(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.freq = nn.Parameter(torch.ones(n))

    def forward(self, x):
        return torch.sin(self.freq * x)


class PINN(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), Sine(width), nn.Linear(width, width), Sine(width), nn.Linear(width, 1))
        for m in self.net:
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)
        nn.init.uniform_(self.net[0].weight, -3, 3)
        nn.init.uniform_(self.net[0].bias, -1, 1)

    def forward(self, x, t):
        return self.net(torch.cat([2 * x - 1, 2 * t - 1], dim=1))


def residual(model, x, t):
    x, t = x.requires_grad_(True), t.requires_grad_(True)
    u = model(x, t)
    u_x, u_t = torch.autograd.grad(u.sum(), (x, t), create_graph=True)
    u_xx, = torch.autograd.grad(u_x.sum(), x, create_graph=True)
    return u_t - KAPPA * u_xx


model = PINN()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 800, eta_min=1e-4)
for it in range(1, 801):
    pde = residual(model, torch.rand(200, 1), torch.rand(200, 1)).pow(2).mean()
    x0 = torch.rand(80, 1)
    ic = (model(x0, torch.zeros(80, 1)) - initial(x0)).pow(2).mean()
    tb = torch.rand(80, 1)
    bc = model(torch.zeros(80, 1), tb).pow(2).mean() + model(torch.ones(80, 1), tb).pow(2).mean()
    loss = pde + 10 * ic + 10 * bc
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 100 == 0:
        print(f"{it:4d}  pde {pde.item():.2e}  initial {ic.item():.2e}  boundary {bc.item():.2e}")

gx, gt = torch.meshgrid(torch.linspace(0, 1, 50), torch.linspace(0, 1, 50), indexing="ij")
gx, gt = gx.reshape(-1, 1), gt.reshape(-1, 1)
with torch.no_grad():
    err = (model(gx, gt) - exact(gx, gt)).norm() / exact(gx, gt).norm()
print("RESULT relative_l2_error", round(err.item(), 5))
