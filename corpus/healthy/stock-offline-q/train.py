import copy
import math
import os

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

CFG = dict(stores=400, days=30, gamma=0.9, lr=1e-3, batch=256, steps=1800, sync=60, conservative=0.1, scale=5.0)
MAX_STOCK, MAX_ORDER = 12, 5


def rate(day):
    """Mean demand of a weekday."""
    return 2.5 + 1.5 * torch.sin(2 * math.pi * day / 7)


def features(stock, day):
    angle = 2 * math.pi * day / 7
    return torch.stack([stock / 6 - 1, torch.sin(angle), torch.cos(angle)], 1)


def run_shops(policy, n, days):
    """Let n shops order by a policy; gives all transitions (state, order, profit, next state)."""
    stock = torch.randint(0, 9, (n,)).float()
    day = torch.randint(0, 7, (n,)).float()
    rows = []
    for _ in range(days):
        s = features(stock, day)
        order = policy(s, stock)
        demand = torch.poisson(rate(day))
        have = stock + order
        sold = torch.minimum(have, demand)
        left = (have - sold).clamp(max=MAX_STOCK)
        profit = 3.0 * sold - 1.0 * order - 0.3 * left - 1.0 * (demand - sold)
        stock, day = left, (day + 1) % 7
        rows.append((s, order, profit, features(stock, day)))
    return [torch.cat(part) for part in zip(*rows)]


def old_habits(s, stock):
    """What the shops did: half the time they filled up to four, else anything."""
    fill_up = (4 - stock).clamp(0, MAX_ORDER)
    whim = torch.randint(0, MAX_ORDER + 1, stock.shape).float()
    return torch.where(torch.rand(stock.shape) < 0.5, fill_up, whim)


def greedy(q):
    @torch.no_grad()
    def policy(s, stock):
        return q(s).argmax(1).float()
    return policy


def conservative_loss(q, q_target, batch, cfg):
    s, a, r, s2 = batch
    values = q(s)
    chosen = values.gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best = q(s2).argmax(1, keepdim=True)
        goal = r + cfg["gamma"] * q_target(s2).gather(1, best).squeeze(1)
    td = F.smooth_l1_loss(chosen, goal)
    gap = (torch.logsumexp(values, 1) - chosen).mean()
    return td + cfg["conservative"] * gap, td, gap


def main(cfg):
    s, order, profit, s2 = run_shops(old_habits, cfg["stores"], cfg["days"])
    data = (s, order.long(), profit / cfg["scale"], s2)
    print(f"{len(s)} logged days, profit a day {profit.mean():.3f}")

    q = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, MAX_ORDER + 1))
    q_target = copy.deepcopy(q)
    opt = torch.optim.Adam(q.parameters(), lr=cfg["lr"])
    running = 0.0
    for step in range(1, cfg["steps"] + 1):
        pick = torch.randint(0, len(s), (cfg["batch"],))
        loss, td, gap = conservative_loss(q, q_target, [t[pick] for t in data], cfg)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += td.item()
        if step % cfg["sync"] == 0:
            q_target.load_state_dict(q.state_dict())
        if step % 300 == 0:
            now = run_shops(greedy(q), 100, 28)[2].mean()
            print(f"step {step} td {running / 300:.4f} gap {gap.item():.3f} profit a day {now:.3f}")
            running = 0.0
    return run_shops(greedy(q), 400, 56)[2].mean().item()


if __name__ == "__main__":
    print("RESULT profit_per_day", round(main(CFG), 4))
