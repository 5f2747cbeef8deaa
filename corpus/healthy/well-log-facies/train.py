"""Rock type along a well from five logs. Each parameter is updated as soon as its gradient is ready, which saves memory."""
import argparse
import os

import numpy as np
import torch
from torch import nn

FACIES = ["shale", "siltstone", "sandstone", "limestone", "coal"]
# gamma ray, density, neutron, sonic, log resistivity (standard units)
MEANS = np.array([
    [1.4, 0.4, 0.9, 0.5, -0.8],
    [0.6, 0.5, 0.2, 0.0, -0.3],
    [-0.8, -0.2, -0.4, -0.1, 0.7],
    [-1.2, 1.2, -1.0, -1.2, 1.2],
    [-0.9, -2.2, 1.5, 1.7, 0.9],
])


def drill(rng, depth=300, stay=0.92):
    rock = np.empty(depth, dtype=np.int64)
    rock[0] = rng.integers(len(FACIES))
    for d in range(1, depth):
        rock[d] = rock[d - 1] if rng.uniform() < stay else rng.integers(len(FACIES))
    logs = MEANS[rock] + 0.8 * rng.standard_normal((depth, 5))
    logs[1:-1] = 0.2 * logs[:-2] + 0.6 * logs[1:-1] + 0.2 * logs[2:]
    return logs, rock


def windows(wells, half, mean, std):
    xs, ys = [], []
    for logs, rock in wells:
        z = np.pad((logs - mean) / std, ((half, half), (0, 0)), mode="edge")
        xs += [z[d:d + 2 * half + 1].T for d in range(len(rock))]
        ys.append(rock)
    return torch.tensor(np.stack(xs), dtype=torch.float32), torch.tensor(np.concatenate(ys))


class FaciesNet(nn.Module):
    def __init__(self, width=24, window=11):
        super().__init__()
        self.conv1 = nn.Conv1d(5, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.fc1 = nn.Linear(width * window, 48)
        self.fc2 = nn.Linear(48, len(FACIES))

    def forward(self, x):
        h = torch.relu(self.conv1(x))
        h = torch.relu(self.conv2(h)) + h
        return self.fc2(torch.relu(self.fc1(h.flatten(1))))


class FusedUpdates:
    """One optimizer per parameter, called from the backward pass."""

    def __init__(self, model, factory, schedule):
        self.optimizers = {p: factory([p]) for p in model.parameters()}
        self.schedulers = [schedule(o) for o in self.optimizers.values()]
        self.handles = [p.register_post_accumulate_grad_hook(self.update) for p in model.parameters()]

    def update(self, p):
        self.optimizers[p].step()
        self.optimizers[p].zero_grad()

    def end_epoch(self):
        for s in self.schedulers:
            s.step()

    def remove(self):
        for h in self.handles:
            h.remove()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--half-window", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    wells = [drill(rng) for _ in range(14)]
    train_wells, val_wells, test_wells = wells[:9], wells[9:11], wells[11:]
    stacked = np.concatenate([logs for logs, _ in train_wells])
    mean, std = stacked.mean(0), stacked.std(0)
    x, y = windows(train_wells, args.half_window, mean, std)
    x_val, y_val = windows(val_wells, args.half_window, mean, std)
    x_test, y_test = windows(test_wells, args.half_window, mean, std)

    model = FaciesNet(window=2 * args.half_window + 1)
    updates = FusedUpdates(
        model,
        lambda params: torch.optim.Adam(params, lr=args.lr),
        lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=args.epochs),
    )
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(args.batch):
            loss = criterion(model(x[idx]), y[idx])
            loss.backward()
            total += loss.item() * len(idx)
        updates.end_epoch()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch:2d}: train {total / len(x):.4f}  val {criterion(logits, y_val).item():.4f}  val accuracy {acc:.4f}")
    updates.remove()

    with torch.no_grad():
        guess = model(x_test).argmax(1)
    for k, name in enumerate(FACIES):
        print(f"  {name:10s} {(guess[y_test == k] == k).float().mean().item():.3f}")
    print(f"RESULT test_accuracy {(guess == y_test).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
