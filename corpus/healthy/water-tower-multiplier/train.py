"""Pumping plan for a water tower: buy the volume of the day in the cheap hours.

minimise   E[ price . plan ]       subject to   E[ missing volume ] <= slack
solved with a multiplier: descent on the planner's weights, ascent on the multiplier.
"""
import math
import os
from dataclasses import dataclass, field

import torch
import torch.nn as nn

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    hours: int = 12
    hidden: int = 96
    steps: int = 1600
    batch: int = 128
    lr: float = 3e-3
    lr_multiplier: float = 0.03
    slack: float = 0.05
    log: list = field(default_factory=list)


def draw_days(n, hours):
    """Smooth price curves around one, and a volume between 3 and 8 pump hours."""
    t = torch.arange(hours) / hours
    phase = 2 * math.pi * torch.rand(n, 2, 1)
    amp = 0.2 + 0.3 * torch.rand(n, 2, 1)
    curve = (amp * torch.sin(2 * math.pi * torch.tensor([[1.0], [2.0]]) * t + phase)).sum(1)
    price = (1.0 + 0.8 * curve + 0.05 * torch.randn(n, hours)).clamp(min=0.1)
    volume = 3.0 + 5.0 * torch.rand(n, 1)
    return price, volume


class Planner(nn.Module):
    def __init__(self, hours, hidden):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(hours + 1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
                                 nn.Linear(hidden, hours))

    def forward(self, price, volume):
        inputs = torch.cat([(price - 1.0) / 0.4, (volume - 5.5) / 1.5], dim=1)
        return torch.sigmoid(self.net(inputs))


def bill_and_shortage(plan, price, volume):
    bill = (plan * price).sum(1)
    shortage = (volume.squeeze(1) - plan.sum(1)).clamp(min=0)
    return bill, shortage


def best_bill(price, volume):
    cheap = price.sort(dim=1).values
    rank = torch.arange(price.shape[1])
    share = (volume - rank).clamp(0, 1)                 # whole cheap hours first, then a part of one
    return (cheap * share).sum(1)


def train(cfg):
    planner = Planner(cfg.hours, cfg.hidden)
    multiplier = nn.Parameter(torch.zeros(()))
    opt = torch.optim.Adam(planner.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.steps)
    opt_multiplier = torch.optim.SGD([multiplier], lr=cfg.lr_multiplier, maximize=True)
    for step in range(1, cfg.steps + 1):
        price, volume = draw_days(cfg.batch, cfg.hours)
        bill, shortage = bill_and_shortage(planner(price, volume), price, volume)
        violation = shortage.mean() - cfg.slack
        lagrangian = bill.mean() + multiplier * violation
        opt.zero_grad()
        opt_multiplier.zero_grad()
        lagrangian.backward()
        opt.step()
        opt_multiplier.step()                           # the multiplier climbs
        with torch.no_grad():
            multiplier.clamp_(min=0.0)
        sched.step()
        if step % 200 == 0 or step == 1:
            cfg.log.append((step, lagrangian.item(), bill.mean().item(), shortage.mean().item(), multiplier.item()))
            print("step %4d  lagrangian %7.3f  bill %6.3f  shortage %.3f  multiplier %.3f" % cfg.log[-1])
    return planner


@torch.no_grad()
def evaluate(planner, cfg):
    price, volume = draw_days(2000, cfg.hours)
    bill, shortage = bill_and_shortage(planner(price, volume), price, volume)
    bill = bill + shortage * price.max(dim=1).values    # what is missing is bought at the dearest hour
    flat = volume.squeeze(1) * price.mean(dim=1)
    best = best_bill(price, volume)
    print(f"bill {bill.mean():.3f}, even pumping {flat.mean():.3f}, best possible {best.mean():.3f}, shortage {shortage.mean():.3f}")
    return ((flat.mean() - bill.mean()) / (flat.mean() - best.mean())).item()


if __name__ == "__main__":
    cfg = Config()
    torch.manual_seed(cfg.seed)
    print("RESULT saving_share", round(evaluate(train(cfg), cfg), 4))
