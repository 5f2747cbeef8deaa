# Policy evaluation for a battery storage that trades by a fixed rule: what is a state worth under that rule?
# Temporal differences with a slowly following target network, checked against simulated returns.
import copy
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

GAMMA = 0.9
END = 0.03          # share of hours in which the contract ends
TAU = 0.05


def fresh(n):
    return np.stack([rng.random(n), rng.normal(0, 0.95, n), rng.normal(0, 0.9, n)], axis=1)


def advance(state):
    """One hour: charge in [0, 1], price and load as deviations from normal."""
    charge, price, load = state.T
    trade = np.clip(0.6 * price, -1, 1) * 0.25
    sold = np.minimum(np.maximum(trade, 0), charge)
    bought = np.minimum(np.maximum(-trade, 0), 1 - charge)
    reward = 4 * price * (sold - bought) - 0.3 * load ** 2
    n = len(state)
    after = np.stack([
        charge - sold + bought,
        0.85 * price + 0.5 * rng.normal(size=n),
        0.90 * load + 0.4 * rng.normal(size=n),
    ], axis=1)
    return reward, after, rng.random(n) < END


def collect(chains, hours):
    state, log = fresh(chains), []
    for _ in range(hours):
        reward, after, ended = advance(state)
        log.append((state, reward, after, ended))
        state = np.where(ended[:, None], fresh(chains), after)
    return [torch.tensor(np.concatenate(column), dtype=torch.float32) for column in zip(*log)]


def simulated_value(states, rollouts=200, hours=45):
    now = np.repeat(states, rollouts, axis=0)
    total, alive, weight = np.zeros(len(now)), np.ones(len(now)), 1.0
    for _ in range(hours):
        reward, now, ended = advance(now)
        total += weight * alive * reward
        alive *= ~ended
        weight *= GAMMA
    return total.reshape(len(states), rollouts).mean(axis=1)


class Value(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(3, width), nn.Tanh(),
            nn.Linear(width, width), nn.Tanh(),
            nn.Linear(width, 1),
        )

    def forward(self, state):
        scaled = torch.cat([3 * state[:, :1] - 1.5, state[:, 1:]], dim=1)
        return self.body(scaled).squeeze(-1)


def huber(err, width=1.0):
    size = err.abs()
    return torch.where(size < width, 0.5 * err ** 2, width * (size - 0.5 * width)).mean()


@torch.no_grad()
def follow(slow, fast):
    for p_slow, p_fast in zip(slow.parameters(), fast.parameters()):
        p_slow.lerp_(p_fast, TAU)


@torch.no_grad()
def score(value, states, truth):
    value.eval()
    guess = value(torch.tensor(states, dtype=torch.float32)).flatten().numpy()
    value.train()
    return 1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()


states, rewards, nexts, ended = collect(chains=50, hours=150)
probe = fresh(200)
truth = simulated_value(probe)
print(f"{len(rewards)} transitions, mean reward {rewards.mean().item():.3f}, spread of values {truth.std():.3f}")

value = Value()
target = copy.deepcopy(value).requires_grad_(False)
optimizer = torch.optim.Adam(value.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=1800)

running = None
for step in range(1, 1801):
    idx = torch.randint(0, len(rewards), (128,))
    with torch.no_grad():
        backup = rewards[idx] + GAMMA * (1 - ended[idx]) * target(nexts[idx])
    loss = huber(backup - value(states[idx]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    follow(target, value)
    running = loss.item() if running is None else 0.99 * running + 0.01 * loss.item()
    if step % 300 == 0:
        print(f"step {step}: td loss {running:.4f}, r2 against simulation {score(value, probe, truth):.4f}")

print("RESULT value_r2", round(float(score(value, probe, truth)), 4))
