# Chance to win a table tennis match from the present lead and who serves, learned point by point: TD(lambda) with
# eligibility traces. Nothing here has a loss or an optimizer, the rule is  theta += alpha * delta * trace.
import os

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap

torch.set_num_threads(1)

config = {
    "seed": int(os.environ.get("SEED", "0")),
    "tables": 32,          # matches played side by side
    "to_win": 6,           # lead that ends a match
    "p_serve": 0.62,       # we win the point when we serve
    "p_return": 0.45,
    "lam": 0.8,
    "alpha": (0.5, 0.05),  # first and last step size
    "steps": 1600,
}


def exact_chances(cfg):
    """Solve the chain. State: lead -5..5, server 0 (us) or 1 (them); the serve changes after each point."""
    w = cfg["to_win"]
    leads = range(-w + 1, w)
    index = {(l, s): i for i, (l, s) in enumerate((l, s) for l in leads for s in (0, 1))}
    a, b = np.eye(len(index)), np.zeros(len(index))
    for (l, s), i in index.items():
        p = cfg["p_serve"] if s == 0 else cfg["p_return"]
        for new, prob in ((l + 1, p), (l - 1, 1 - p)):
            if new == w:
                b[i] += prob
            elif new > -w:
                a[i, index[new, 1 - s]] -= prob
    states = torch.tensor(list(index), dtype=torch.float32)
    return states, torch.tensor(np.linalg.solve(a, b), dtype=torch.float32)


def features(lead, server, w):
    centres = torch.linspace(-1, 1, 7)
    bumps = torch.exp(-((lead[:, None] / w - centres) / 0.3) ** 2)
    return torch.cat([bumps, (1 - 2 * server)[:, None]], dim=1)


def build():
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid())


def fresh_state(n, w):
    lead = torch.randint(-w + 2, w - 1, (n,)).float()
    return lead, torch.randint(0, 2, (n,)).float()


def train(net, cfg, report):
    params = {name: p.detach() for name, p in net.named_parameters()}        # same storage as the network

    def chance(p, x):
        return functional_call(net, p, (x.unsqueeze(0),)).squeeze()

    gradients = vmap(grad_and_value(chance), in_dims=(None, 0))
    n, w = cfg["tables"], cfg["to_win"]
    trace = {name: torch.zeros(n, *p.shape) for name, p in params.items()}
    lead, server = fresh_state(n, w)
    first, last = cfg["alpha"]
    finished = 0
    for step in range(cfg["steps"]):
        alpha = first * (last / first) ** (step / cfg["steps"])
        grads, value = gradients(params, features(lead, server, w))
        p_point = torch.where(server == 0, torch.tensor(cfg["p_serve"]), torch.tensor(cfg["p_return"]))
        lead_next = lead + torch.where(torch.rand(n) < p_point, 1.0, -1.0)
        server_next = 1 - server
        over = lead_next.abs() >= w
        with torch.no_grad():
            value_next = net(features(lead_next, server_next, w)).squeeze(1)
        target = torch.where(over, (lead_next > 0).float(), value_next)
        delta = target - value
        for name, p in params.items():
            e = trace[name]
            e.mul_(cfg["lam"]).add_(grads[name])
            p.add_(alpha * torch.einsum("n,n...->...", delta, e) / n)
            e[over] = 0.0                                                    # a new match begins
        finished += int(over.sum())
        new_lead, new_server = fresh_state(n, w)
        lead = torch.where(over, new_lead, lead_next)
        server = torch.where(over, new_server, server_next)
        if (step + 1) % 250 == 0:
            report(step + 1, finished, delta.pow(2).mean().item())


def main():
    torch.manual_seed(config["seed"])
    states, truth = exact_chances(config)
    net = build()

    @torch.no_grad()
    def r2():
        guess = net(features(states[:, 0], states[:, 1], config["to_win"])).squeeze(1)
        return 1 - ((guess - truth).pow(2).sum() / (truth - truth.mean()).pow(2).sum()).item()

    def report(step, finished, err):
        print(f"step {step:5d}  matches {finished:4d}  squared surprise {err:.4f}  r2 against the exact chances {r2():.3f}")

    print(f"before: r2 {r2():.3f}")
    train(net, config, report)
    print("RESULT r2_exact", round(r2(), 4))


main()
