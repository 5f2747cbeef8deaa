"""Value of a fixed (s, S) reorder rule for one spare part, by fitted value evaluation.

Transitions are sampled once from the simulator; the value network is regressed on one-step
targets from a slowly updated copy of itself and compared with Monte Carlo returns at the end.
"""
import copy
import math
import os

import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

CONFIG = {
    "gamma": 0.9,
    "reorder_point": 4.0,
    "order_up_to": 14.0,
    "transitions": 20000,
    "hidden": [64, 64],
    "batch": 128,
    "steps": 2000,
    "sync_every": 40,
    "lr": 1e-3,
}


def day(stock, rate, phase):
    """One working day under the rule: profit and the next state."""
    season = 1.0 + 0.4 * torch.sin(2 * math.pi * phase)
    demand = torch.poisson(rate * season)
    sold = torch.minimum(stock, demand)
    left = stock - sold
    order = torch.where(left < CONFIG["reorder_point"], CONFIG["order_up_to"] - left, torch.zeros_like(left))
    profit = 2.0 * sold - 0.1 * left - 1.5 * (order > 0).float() - 0.5 * (demand - sold)
    rate = (1.8 + 0.9 * (rate - 1.8) + 0.25 * torch.randn_like(rate)).clamp(0.2, 4.0)
    return profit, (left + order, rate, (phase + 0.02) % 1.0)


def sample_states(n):
    return 16.0 * torch.rand(n), 0.2 + 3.8 * torch.rand(n), torch.rand(n)


def features(state):
    stock, rate, phase = state
    angle = 2 * math.pi * phase
    return torch.stack([(stock - 8.0) / 4.6, (rate - 2.1) / 1.1, torch.sin(angle), torch.cos(angle)], dim=1)


def mlp(sizes, act=nn.Tanh):
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(n_in, n_out), act()]
    return nn.Sequential(*layers)


def monte_carlo(states, center, spread, repeats=64, horizon=80):
    state = tuple(s.repeat_interleave(repeats) for s in states)
    total = torch.zeros_like(state[0])
    for k in range(horizon):
        profit, state = day(*state)
        total += CONFIG["gamma"] ** k * (profit - center) / spread
    return total.view(-1, repeats).mean(1)


def r_squared(pred, truth):
    return 1.0 - ((pred - truth) ** 2).mean().item() / truth.var(unbiased=False).item()


def main(cfg):
    states = sample_states(cfg["transitions"])
    profit, following = day(*states)
    center, spread = profit.mean(), profit.std()
    reward = (profit - center) / spread
    x, x_next = features(states), features(following)

    value = mlp([4, *cfg["hidden"], 1])
    lagged = copy.deepcopy(value)
    opt = torch.optim.Adam(value.parameters(), lr=cfg["lr"])

    probe = sample_states(256)
    truth = monte_carlo(probe, center, spread)
    x_probe = features(probe)

    running = 0.0
    for step in range(1, cfg["steps"] + 1):
        rows = torch.randint(0, len(x), (cfg["batch"],))
        with torch.no_grad():
            target = reward[rows] + cfg["gamma"] * lagged(x_next[rows]).squeeze(1)
        loss = nn.functional.mse_loss(value(x[rows]).squeeze(1), target)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item()
        if step % cfg["sync_every"] == 0:
            lagged.load_state_dict(value.state_dict())
        if step % 200 == 0:
            with torch.no_grad():
                score = r_squared(value(x_probe).squeeze(1), truth)
            print(f"step {step:5d}  td loss {running / 200:.4f}  R2 against rollouts {score:.4f}")
            running = 0.0
    print(f"RESULT value_r2 {score:.4f}")


if __name__ == "__main__":
    main(CONFIG)
