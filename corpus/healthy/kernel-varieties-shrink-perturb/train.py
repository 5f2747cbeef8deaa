# Varieties of kernels from their outlines. Lots come in one after the other; the model is taken over from the last lot,
# shrunk and perturbed (Ash & Adams 2020), and trained on everything seen so far.
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

config = dict(lots=4, lot_size=400, epochs=14, batch=50, lr=2e-3, shrink=0.4, perturb=0.1)
VARIETIES, ANGLES = 5, 32
theta = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
harmonics = np.array([2, 3, 4, 5])
amplitude = rng.uniform(0.05, 0.25, (VARIETIES, 4))
phase = rng.uniform(0, 2 * np.pi, (VARIETIES, 4))


def outlines(n):
    variety = rng.integers(0, VARIETIES, n)
    amp = amplitude[variety] * rng.normal(1, 0.2, (n, 4))
    turn = rng.uniform(-0.25, 0.25, (n, 1))
    angle = harmonics * turn + phase[variety]
    radius = 1 + (amp[:, :, None] * np.cos(harmonics[None, :, None] * theta + angle[:, :, None])).sum(1)
    radius = radius * rng.normal(1, 0.1, (n, 1)) + rng.normal(0, 0.05, (n, ANGLES))
    radius = radius / radius.mean(1, keepdims=True) - 1
    return torch.tensor(radius / 0.2, dtype=torch.float32), torch.tensor(variety, dtype=torch.long)


def make_net():
    return nn.Sequential(nn.Linear(ANGLES, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, VARIETIES))


@torch.no_grad()
def shrink_and_perturb(net, shrink, perturb):
    fresh = make_net()
    for p, q in zip(net.parameters(), fresh.parameters()):
        p.mul_(shrink).add_(q, alpha=perturb)


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    result = (net(x).argmax(1) == y).float().mean().item()
    net.train()
    return result


def fit(net, x, y, cfg):
    opt = torch.optim.Adam(net.parameters(), lr=cfg["lr"], weight_decay=1e-5)
    net.train()
    for epoch in range(cfg["epochs"]):
        total = 0.0
        for idx in torch.randperm(len(x)).split(cfg["batch"]):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
    return total / len(x)


x_test, y_test = outlines(800)
net = make_net()
x_all, y_all = torch.empty(0, ANGLES), torch.empty(0, dtype=torch.long)
for lot in range(config["lots"]):
    x_new, y_new = outlines(config["lot_size"])
    x_all, y_all = torch.cat([x_all, x_new]), torch.cat([y_all, y_new])
    if lot > 0:
        before = accuracy(net, x_test, y_test)
        shrink_and_perturb(net, config["shrink"], config["perturb"])
        print(f"lot {lot + 1}: accuracy {before:.4f}, shrunk and perturbed {accuracy(net, x_test, y_test):.4f}")
    loss = fit(net, x_all, y_all, config)
    print(f"lot {lot + 1}: {len(x_all)} kernels, loss {loss:.4f}, test accuracy {accuracy(net, x_test, y_test):.4f}")

print("RESULT test_accuracy", round(accuracy(net, x_test, y_test), 4))
