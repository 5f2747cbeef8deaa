"""State of a pump from how its four vibration channels go together."""
import os
import warnings

import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore", category=RuntimeWarning)
torch.set_num_threads(1)

STATES = ("normal", "misaligned", "cavitating")
UPPER = np.triu_indices(4, k=1)


class PumpSimulator:
    """Windows of 4 channels x 60 samples; a channel now and then holds its last value."""

    MIXING = {
        "normal": (0.3, 0.3, 0.3, 0.3),
        "misaligned": (0.9, 0.8, -0.8, 0.2),
        "cavitating": (0.2, 0.7, 0.8, -0.7),
    }

    def __init__(self, seed, hold_rate=0.03):
        self.rng = np.random.default_rng(seed)
        self.hold_rate = hold_rate

    def window(self, state):
        rng = self.rng
        shaft = np.sin(2 * np.pi * rng.uniform(0.05, 0.12) * np.arange(60) + rng.uniform(0, 6.28))
        mix = np.array(self.MIXING[state])[:, None] + rng.normal(0, 0.15, (4, 1))
        w = mix * shaft + rng.normal(0, 0.6, (4, 60))
        if rng.random() < self.hold_rate:
            w[rng.integers(4)] = 0.0
        return w

    def sample(self, n):
        labels = self.rng.integers(0, len(STATES), n)
        return np.stack([self.window(STATES[k]) for k in labels]), labels


def describe(window):
    corr = np.nan_to_num(np.corrcoef(window)[UPPER])
    spread = np.log1p(window.var(axis=1))
    peak = np.abs(window).max(axis=1)
    return np.concatenate([corr, spread, peak])


class StateNet(nn.Module):
    def __init__(self, n_in, n_out, width=48):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, width), nn.ELU(), nn.Linear(width, width), nn.ELU(), nn.Linear(width, n_out))

    def forward(self, x):
        return self.net(x)


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    windows, labels = PumpSimulator(seed).sample(2400)
    table = np.stack([describe(w) for w in windows])

    n_train = 1800
    scaler = StandardScaler().fit(table[:n_train])
    x = torch.tensor(scaler.transform(table), dtype=torch.float32)
    y = torch.tensor(labels, dtype=torch.long)
    train_loader = DataLoader(TensorDataset(x[:n_train], y[:n_train]), batch_size=40, shuffle=True)
    test_loader = DataLoader(TensorDataset(x[n_train:], y[n_train:]), batch_size=200)

    net = StateNet(x.shape[1], len(STATES))
    opt = torch.optim.AdamW(net.parameters(), lr=1.5e-3, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=20)
    for epoch in range(20):
        net.train()
        losses = []
        for xb, yb in train_loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        sched.step()

        net.eval()
        right = 0
        with torch.no_grad():
            for xb, yb in test_loader:
                right += (net(xb).argmax(1) == yb).sum().item()
        acc = right / len(test_loader.dataset)
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d}: loss {np.mean(losses):.4f}, test accuracy {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
