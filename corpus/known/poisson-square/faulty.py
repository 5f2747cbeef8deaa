import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

# -(u_xx + u_yy) = f on the unit square, u = 0 on the boundary
OMEGA = math.pi
N_COLLOCATION = 256
N_PER_EDGE = 30
BETA = 100.0


def rhs(xy):
    return -2.0 * OMEGA ** 2 * torch.sin(OMEGA * xy[:, 0:1]) * torch.sin(OMEGA * xy[:, 1:2])


def exact_solution(xy):
    return -torch.sin(OMEGA * xy[:, 0:1]) * torch.sin(OMEGA * xy[:, 1:2])


class DenseModel(nn.Module):
    def __init__(self, layer_dims):
        super().__init__()
        layers = []
        for d_in, d_out in zip(layer_dims[:-2], layer_dims[1:-1]):
            layers += [nn.Linear(d_in, d_out), nn.Tanh()]
        layers.append(nn.Linear(layer_dims[-2], layer_dims[-1]))
        self.net = nn.Sequential(*layers)

    def forward(self, xy):
        return self.net(xy)


def second_derivatives(model, xy):
    u = model(xy)
    grads = torch.autograd.grad(u, xy, torch.ones_like(u), create_graph=True)[0]
    second = torch.autograd.grad(grads, xy, torch.ones_like(grads), create_graph=True)[0]
    return second[:, 0:1], second[:, 1:2]


points = torch.rand(N_COLLOCATION, 2).requires_grad_(True)
force = rhs(points.detach())
s = torch.linspace(0, 1, N_PER_EDGE).unsqueeze(1)
zero, one = torch.zeros_like(s), torch.ones_like(s)
edge_points = torch.cat([torch.cat(pair, 1) for pair in ((s, zero), (s, one), (zero, s), (one, s))])
edge_values = torch.zeros(len(edge_points), 1)

g = torch.linspace(0, 1, 50)
test_points = torch.cartesian_prod(g, g)
exact = exact_solution(test_points)

model = DenseModel([2, 24, 24, 24, 1])
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9965)


def l2_error():
    with torch.no_grad():
        return ((model(test_points) - exact).norm() / exact.norm()).item()


for step in range(800):
    u_xx, u_yy = second_derivatives(model, points)
    loss_pde = ((-(u_xx + u_yy) - force) ** 2).mean()
    loss_edge = ((model(edge_points) - edge_values) ** 2).mean()
    loss = loss_pde + BETA * loss_edge
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0 or step == 799:
        print(f"step {step:4d}  loss {loss.item():.4e}  pde {loss_pde.item():.4e}  edge {loss_edge.item():.4e}  relative L2 error {l2_error():.4f}")

print(f"RESULT relative_l2_error {l2_error():.4f}")
