import os

import torch
import torch.nn as nn

torch.set_num_threads(1)

cfg = {
    "seed": int(os.environ.get("SEED", "0")),
    "points": 1000,
    "batch": 200,
    "epochs": 160,
    "lr": 5e-3,
    "noise": 0.02,
    "hidden": 48,
    "rollout_steps": 50,
    "dt": 0.1,
}


def true_field(s):
    q, p = s[:, 0], s[:, 1]
    return torch.stack([p, -torch.sin(q)], 1)


def make_field(net):
    """Time derivative of (q, p) out of a learned energy: dq/dt = dH/dp, dp/dt = -dH/dq."""

    def field(s):
        with torch.enable_grad():
            s = s.detach().clone().requires_grad_(True)
            energy = net(s).sum()
            dh, = torch.autograd.grad(energy, s, create_graph=net.training)
            return torch.stack([dh[:, 1], -dh[:, 0]], 1)

    return field


def rk4(field, s, dt):
    k1 = field(s)
    k2 = field(s + 0.5 * dt * k1)
    k3 = field(s + 0.5 * dt * k2)
    k4 = field(s + dt * k3)
    return s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def roll(field, start, steps, dt):
    path = [start]
    for _ in range(steps):
        path.append(rk4(field, path[-1], dt).detach())
    return torch.stack(path)


def sample(n, q_max, p_max):
    return (2 * torch.rand(n, 2) - 1) * torch.tensor([q_max, p_max])


def main(cfg):
    torch.manual_seed(cfg["seed"])
    states = sample(cfg["points"], 2.2, 1.8)
    rates = true_field(states) + cfg["noise"] * torch.randn(cfg["points"], 2)

    net = nn.Sequential(nn.Linear(2, cfg["hidden"]), nn.Tanh(), nn.Linear(cfg["hidden"], cfg["hidden"]), nn.Tanh(),
                        nn.Linear(cfg["hidden"], 1))
    field = make_field(net)
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg["epochs"], eta_min=1e-4)

    starts = sample(40, 1.5, 0.5)
    truth = roll(true_field, starts, cfg["rollout_steps"], cfg["dt"])

    def rollout_error():
        net.eval()
        path = roll(field, starts, cfg["rollout_steps"], cfg["dt"])
        return (path - truth).pow(2).mean().sqrt().item()

    for epoch in range(cfg["epochs"]):
        net.train()
        total = 0.0
        for idx in torch.randperm(cfg["points"]).split(cfg["batch"]):
            loss = (field(states[idx]) - rates[idx]).pow(2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx) / cfg["points"]
        sched.step()
        if (epoch + 1) % 40 == 0:
            print(f"epoch {epoch + 1}: derivative mse {total:.5f} rollout rmse {rollout_error():.4f}")
    return rollout_error()


print("RESULT rollout_rmse", round(main(cfg), 5))
