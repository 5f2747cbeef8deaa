"""Sorting machine: learns six product lines, later three more are added to the same net.

1. train on lines 0-5          2. widen the head to nine, fine-tune on everything (slow body, fast head)
3. fold batch norm and the input scaling into the linear layers for the controller, export, compare
"""
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

LATENT, SENSORS, OLD, ALL = 8, 24, 6, 9
centres = rng.normal(0, 1.0, (ALL, LATENT))
mix_a, mix_b = rng.normal(0, 0.5, (LATENT, SENSORS)), rng.normal(0, 0.3, (LATENT, SENSORS))
gain, offset = np.exp(rng.normal(0, 1.0, SENSORS)), rng.normal(0, 5, SENSORS)


def measure(lines, per_line):
    y = np.repeat(np.arange(lines), per_line)
    z = centres[y] + 0.6 * rng.normal(size=(len(y), LATENT))
    x = np.tanh(z @ mix_a) + z @ mix_b + 0.1 * rng.normal(size=(len(y), SENSORS))
    order = rng.permutation(len(y))
    return torch.tensor((x * gain + offset)[order], dtype=torch.float32), torch.tensor(y[order])


def accuracy(model, x, y):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        result = (model(x).argmax(1) == y).float().mean().item()
    model.train(was_training)
    return result


def train(model, optimizer, x, y, epochs, milestones, x_val, y_val, batch=50):
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=milestones, gamma=0.3)
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            if len(idx) < 2:  # batch norm needs two
                continue
            loss = F.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        if epoch % 4 == 0 or epoch == epochs:
            print(f"  epoch {epoch:2d} loss {total / len(x):.4f} valid acc {accuracy(model, x_val, y_val):.4f}")


def widen_head(model, n_out):
    old = model[-1]
    new = nn.Linear(old.in_features, n_out)
    with torch.no_grad():
        new.weight[: old.out_features] = old.weight
        new.bias[: old.out_features] = old.bias
        new.bias[old.out_features :] = old.bias.mean()
    model[-1] = new
    return model


def fold(model, mean, std):
    """Linear -> BatchNorm1d becomes one Linear; (x - mean) / std goes into the first one."""
    layers = []
    for module in model:
        if isinstance(module, nn.Linear):
            copy = nn.Linear(module.in_features, module.out_features)
            copy.load_state_dict(module.state_dict())
            layers.append(copy)
        elif isinstance(module, nn.BatchNorm1d):
            k = module.weight / torch.sqrt(module.running_var + module.eps)
            layers[-1].bias.copy_((layers[-1].bias - module.running_mean) * k + module.bias)
            layers[-1].weight.mul_(k[:, None])
        elif isinstance(module, nn.ReLU):
            layers.append(nn.ReLU())
    first = layers[0]
    first.bias.sub_(first.weight @ (mean / std))
    first.weight.div_(std)
    return nn.Sequential(*layers).eval()


# ------------------------------------------------------------------ 1: six lines
x_raw, y_old = measure(OLD, 150)
mean, std = x_raw.mean(0), x_raw.std(0)
scale = lambda t: (t - mean) / std
xv_raw, yv = measure(ALL, 40)
xt_raw, yt = measure(ALL, 80)
old_rows = yv < OLD

model = nn.Sequential(
    nn.Linear(SENSORS, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, OLD)
)
print("six lines")
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
train(model, optimizer, scale(x_raw), y_old, 12, [8], scale(xv_raw)[old_rows], yv[old_rows])
before = accuracy(model, scale(xt_raw)[yt < OLD], yt[yt < OLD])

# ------------------------------------------------------------------ 2: nine lines
x_all, y_all = measure(ALL, 120)
model = widen_head(model, ALL)
head = list(model[-1].parameters())
body = [p for p in model.parameters() if all(p is not h for h in head)]
optimizer = torch.optim.AdamW(
    [{"params": body, "lr": 1e-3}, {"params": head, "lr": 5e-3}], weight_decay=1e-2, amsgrad=True
)
print("nine lines")
train(model, optimizer, scale(x_all), y_all, 14, [9, 12], scale(xv_raw), yv)
after = accuracy(model, scale(xt_raw)[yt < OLD], yt[yt < OLD])
print(f"old lines on the test rows: {before:.4f} before, {after:.4f} after")

# ------------------------------------------------------------------ 3: for the controller
model.eval()
with torch.no_grad():
    served = fold(model, mean, std)
    gap = (served(xt_raw) - model(scale(xt_raw))).abs().max().item()
print(f"{sum(p.numel() for p in model.parameters())} -> {sum(p.numel() for p in served.parameters())} parameters, gap {gap:.1e}")
assert gap < 1e-2

batch = torch.export.Dim("batch")
program = torch.export.export(served, (xt_raw[:8],), dynamic_shapes=({0: batch},))
with torch.no_grad():
    exported = program.module()(xt_raw)
for line in range(ALL):
    rows = yt == line
    print(f"line {line}: recall {(exported[rows].argmax(1) == line).float().mean().item():.3f}")
print("RESULT test_accuracy", round((exported.argmax(1) == yt).float().mean().item(), 4))
