"""One trunk, three things to say about a van's trip: kind of load, fuel used, number of harsh brakings.

The losses are sent back one after the other over the same graph, so that the share of each in the trunk's gradient can be
seen; the shares are then evened out by weights that follow slowly.
"""
import os
from collections import defaultdict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


def trips(n, w, rng):
    x = rng.normal(size=(n, 18))
    h = x @ w  # three hidden causes
    scores = np.stack([1.8 * h[:, 0], 1.8 * h[:, 1], -1.2 * (h[:, 0] + h[:, 1])], 1) + 0.3 * rng.normal(size=(n, 3))
    load = scores.argmax(1)
    fuel = 9 + 2.0 * h[:, 2] + 1.2 * np.tanh(h[:, 0]) + 0.5 * rng.normal(size=n)
    brakes = rng.poisson(np.exp(1.6 + 0.7 * np.tanh(h[:, 1] - 0.5 * h[:, 2])))
    return x, load, fuel, brakes


class VanNet(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(n_in, 64), nn.ELU(), nn.Linear(64, 32), nn.ELU())
        self.heads = nn.ModuleDict({"load": nn.Linear(32, 3), "fuel": nn.Linear(32, 1), "brakes": nn.Linear(32, 1)})

    def forward(self, x):
        z = self.trunk(x)
        return {k: head(z) for k, head in self.heads.items()}


LOSSES = {
    "load": lambda out, t: F.cross_entropy(out, t),
    "fuel": lambda out, t: F.mse_loss(out.squeeze(1), t),
    "brakes": lambda out, t: F.poisson_nll_loss(out.squeeze(1), t, log_input=True),
}


class Printer:
    def __init__(self, every):
        self.every, self.rows = every, defaultdict(list)

    def on_step(self, **values):
        for k, v in values.items():
            self.rows[k].append(v)

    def on_epoch(self, epoch, skill):
        if epoch % self.every == 0:
            means = "  ".join(f"{k} {np.mean(v):.3f}" for k, v in self.rows.items())
            print(f"epoch {epoch:2d}  {means}  | skill " + " ".join(f"{k}={v:.3f}" for k, v in skill.items()))
        self.rows.clear()


@torch.no_grad()
def skill(net, x, t, majority, mean_fuel, mean_brakes):
    """each between 0 (a constant guess) and 1"""
    net.eval()
    out = net(x)
    acc = (out["load"].argmax(1) == t["load"]).float().mean().item()
    base = (t["load"] == majority).float().mean().item()
    r2 = 1 - (out["fuel"].squeeze(1) - t["fuel"]).pow(2).mean() / (t["fuel"] - mean_fuel).pow(2).mean()
    y = t["brakes"]

    def deviance(mu):
        return 2 * (torch.xlogy(y, y / mu) - (y - mu)).mean()

    d2 = 1 - deviance(out["brakes"].squeeze(1).exp()) / deviance(torch.full_like(y, mean_brakes))
    return {"load": (acc - base) / (1 - base), "fuel": r2.item(), "brakes": d2.item()}


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    w = rng.normal(size=(18, 3))
    w /= np.linalg.norm(w, axis=0)
    sets = []
    for n in (2400, 800):
        x, load, fuel, brakes = trips(n, w, rng)
        sets.append([torch.tensor(x, dtype=torch.float32), {
            "load": torch.tensor(load), "fuel": torch.tensor(fuel, dtype=torch.float32), "brakes": torch.tensor(brakes, dtype=torch.float32)}])
    (x, t), (xv, tv) = sets
    mu, sd = t["fuel"].mean(), t["fuel"].std()
    t["fuel"], tv["fuel"] = (t["fuel"] - mu) / sd, (tv["fuel"] - mu) / sd
    reference = (t["load"].bincount().argmax().item(), t["fuel"].mean().item(), t["brakes"].mean().item())

    net = VanNet(x.shape[1])
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    shared = list(net.trunk.parameters())
    weights = {k: 1.0 for k in LOSSES}
    printer = Printer(every=2)

    for epoch in range(1, 17):
        net.train()
        for idx in torch.randperm(len(x)).split(60):
            opt.zero_grad()
            out = net(x[idx])
            before = torch.zeros(sum(p.numel() for p in shared))
            norms, values = {}, {}
            names = list(LOSSES)
            for name in names:
                loss = LOSSES[name](out[name], t[name][idx])
                (weights[name] * loss).backward(retain_graph=name != names[-1])
                now = torch.cat([p.grad.flatten() for p in shared])
                norms[name] = ((now - before).norm() / weights[name]).item()
                before = now
                values[name] = loss.item()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            middle = float(np.exp(np.mean([np.log(v + 1e-8) for v in norms.values()])))
            for name in names:
                goal = min(3.0, max(0.33, middle / (norms[name] + 1e-8)))
                weights[name] = 0.98 * weights[name] + 0.02 * goal
            printer.on_step(**values)
        result = skill(net, xv, tv, *reference)
        printer.on_epoch(epoch, result)

    print("final weights", {k: round(v, 2) for k, v in weights.items()})
    print("RESULT mean_skill", round(sum(result.values()) / len(result), 4))


if __name__ == "__main__":
    main()
