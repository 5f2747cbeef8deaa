"""Torques of a two-link arm from a learned Lagrangian: the network gives inertia and potential, mechanics gives the rest."""
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
GRAVITY = 1.5


def measured(n, rng):
    q = rng.uniform(-np.pi, np.pi, (n, 2))
    v, a = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    c, s = np.cos(q[:, 1]), np.sin(q[:, 1])
    upper, both = np.sin(q[:, 0]), np.sin(q[:, 0] + q[:, 1])
    t1 = (3 + 2 * c) * a[:, 0] + (1 + c) * a[:, 1] - s * (2 * v[:, 0] * v[:, 1] + v[:, 1] ** 2) + GRAVITY * (2 * upper + both)
    t2 = (1 + c) * a[:, 0] + a[:, 1] + s * v[:, 0] ** 2 + GRAVITY * both
    torque = np.stack([t1, t2], 1) + 0.05 * rng.normal(size=(n, 2))
    return [torch.tensor(part, dtype=torch.float32) for part in (q, v, a, torque)]


class LagrangianArm(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, hidden), nn.Softplus(), nn.Linear(hidden, hidden), nn.Softplus())
        self.factor = nn.Linear(hidden, 3)
        self.potential = nn.Linear(hidden, 1)

    def energies(self, q):
        h = self.trunk(torch.cat([q.sin(), q.cos()], 1))
        a, b, c = self.factor(h).unbind(1)
        a, b = nn.functional.softplus(a) + 0.01, nn.functional.softplus(b) + 0.01
        zero = torch.zeros_like(a)
        low = torch.stack([torch.stack([a, zero], 1), torch.stack([c, b], 1)], 1)
        return low @ low.transpose(1, 2), self.potential(h).squeeze(1)

    def forward(self, q, v, a):
        """d/dt dL/dv - dL/dq, which is the torque."""
        with torch.enable_grad():
            q = q.detach().requires_grad_(True)
            inertia, potential = self.energies(q)
            momentum = torch.einsum("bij,bj->bi", inertia, v)
            lagrangian = 0.5 * (momentum * v).sum(1) - potential
            dl_dq, = torch.autograd.grad(lagrangian.sum(), q, create_graph=True)
            drift = []
            for i in range(2):
                dp_dq, = torch.autograd.grad(momentum[:, i].sum(), q, create_graph=True)
                drift.append((dp_dq * v).sum(1))
            return torch.einsum("bij,bj->bi", inertia, a) + torch.stack(drift, 1) - dl_dq


def batches(data, size):
    for idx in torch.randperm(len(data[0])).split(size):
        yield [part[idx] for part in data]


def r2(model, data):
    q, v, a, torque = data
    model.eval()
    said = model(q, v, a).detach()
    return (1 - (said - torque).pow(2).mean(0) / torque.var(0, unbiased=False)).mean().item()


def main():
    rng = np.random.default_rng(SEED)
    train, test = measured(2000, rng), measured(500, rng)
    spread = train[3].std(0)
    model = LagrangianArm()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [15, 22], gamma=0.3)
    for epoch in range(1, 27):
        model.train()
        losses = []
        for q, v, a, torque in batches(train, 100):
            loss = ((model(q, v, a) - torque) / spread).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        if epoch % 5 == 0:
            print(f"epoch {epoch} loss {np.mean(losses):.5f} held-out R2 {r2(model, test):.4f}")
    rest = torch.zeros(1, 2)
    print("inertia of the stretched arm", model.energies(rest)[0].detach().numpy().round(2).tolist())
    print("RESULT torque_r2", round(r2(model, test), 4))


main()
