# A start from which the curve of a new thermistor is learned from ten readings (Reptile, no gradient in the outer loop)
import copy
import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

SHOTS = 10
INNER_STEPS = 12
META_ITERATIONS = 500
META_RATE = 0.6


def new_part():
    """every part has its own characteristic"""
    a, b = rng.uniform(0.7, 1.5), rng.uniform(1.0, 2.2)
    c, d = rng.uniform(-0.5, 0.5), rng.uniform(-0.3, 0.3)

    def read(n):
        x = rng.uniform(-2, 2, size=(n, 1))
        y = a * np.tanh(b * (x - c)) + d * x + 0.02 * rng.normal(size=x.shape)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)

    return read


def make_net():
    return nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


def adapt(net, x, y, steps=INNER_STEPS):
    sgd = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.8)
    first = None
    for _ in range(steps):
        sgd.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        sgd.step()
        first = loss.item() if first is None else first
    return first, loss.item()


def judge(start, parts):
    """share of the variance explained on fresh readings, after adaptation on ten"""
    gaps, spreads = [], []
    for read in parts:
        x, y = read(SHOTS)
        x_new, y_new = read(60)
        net = copy.deepcopy(start)
        adapt(net, x, y)
        with torch.no_grad():
            gaps.append((net(x_new) - y_new).pow(2).mean().item())
        spreads.append(y_new.var(unbiased=False).item())
    return 1 - sum(gaps) / sum(spreads)


start = make_net()
worker = make_net()
untrained = judge(make_net(), [new_part() for _ in range(40)])
validation = [new_part() for _ in range(20)]

firsts, lasts = [], []
for it in range(META_ITERATIONS):
    worker.load_state_dict(start.state_dict())
    x, y = new_part()(SHOTS)
    first, last = adapt(worker, x, y)
    firsts.append(first)
    lasts.append(last)
    rate = META_RATE * (1 - 0.9 * it / META_ITERATIONS)
    with torch.no_grad():
        for p, q in zip(start.parameters(), worker.parameters()):
            p.lerp_(q, rate)
    if (it + 1) % 100 == 0:
        print(
            f"meta iteration {it + 1}: loss before {np.mean(firsts[-100:]):.4f}, after {np.mean(lasts[-100:]):.4f}, "
            f"explained on other parts {judge(start, validation):.4f}"
        )

final = judge(start, [new_part() for _ in range(60)])
print(f"explained from a random start {untrained:.4f}, from the learned start {final:.4f}")
print("RESULT variance_explained", round(final, 4))
