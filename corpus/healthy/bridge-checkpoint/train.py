"""Wear of a bridge from long records of load and temperature; the recurrent reader recomputes its pieces to spare memory."""
import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

config = {"length": 48, "piece": 12, "hidden": 24, "batch": 50, "epochs": 8, "lr": 5e-3, "train": 1200, "test": 400}


class BridgeRecords(Dataset):
    def __init__(self, n, length, rng, scaling=None):
        load = np.zeros((n, length))
        load[:, 0] = rng.normal(size=n)
        for t in range(1, length):
            load[:, t] = 0.7 * load[:, t - 1] + 0.7 * rng.normal(size=n)
        load = load * rng.uniform(0.6, 1.4, (n, 1))
        hours = np.arange(length) / 24
        temp = rng.normal(size=(n, 1)) + np.sin(2 * np.pi * (hours + rng.random((n, 1))))
        wear = (np.maximum(load - 0.2, 0) ** 1.5 * np.exp(0.4 * temp)).mean(1)
        y = np.log(wear + 0.02) + 0.03 * rng.normal(size=n)
        x = np.stack([load, temp], 2)
        self.scaling = scaling or (x.mean((0, 1)), x.std((0, 1)), y.mean(), y.std())
        mx, sx, my, sy = self.scaling
        self.x = torch.tensor((x - mx) / sx, dtype=torch.float32)
        self.y = torch.tensor((y - my) / sy, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class PiecewiseReader(nn.Module):
    def __init__(self, n_in, hidden, piece):
        super().__init__()
        self.hidden, self.piece = hidden, piece
        self.gru = nn.GRU(n_in, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def read(self, x, h):
        out, h = self.gru(x, h)
        return out.sum(1), h

    def forward(self, x):
        h = x.new_zeros(1, x.shape[0], self.hidden)
        total = x.new_zeros(x.shape[0], self.hidden)
        for part in x.split(self.piece, dim=1):
            if self.training:
                summed, h = checkpoint(self.read, part, h, use_reentrant=False)
            else:
                summed, h = self.read(part, h)
            total = total + summed
        return self.head(total / x.shape[1]).squeeze(1)


def train_epoch(model, loader, optimizer, criterion):
    model.train()
    running = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(y)
    return running / len(loader.dataset)


@torch.inference_mode()
def evaluate(model, loader):
    model.eval()
    said = torch.cat([model(x) for x, _ in loader])
    truth = torch.cat([y for _, y in loader])
    return (1 - (said - truth).pow(2).mean() / truth.var(unbiased=False)).item()


def main():
    rng = np.random.default_rng(SEED)
    train = BridgeRecords(config["train"], config["length"], rng)
    test = BridgeRecords(config["test"], config["length"], rng, train.scaling)
    train_loader = DataLoader(train, config["batch"], shuffle=True)
    test_loader = DataLoader(test, 200)
    model = PiecewiseReader(2, config["hidden"], config["piece"])
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
    for epoch in range(1, config["epochs"] + 1):
        loss = train_epoch(model, train_loader, optimizer, nn.MSELoss())
        scheduler.step()
        print(f"[{epoch}/{config['epochs']}] loss {loss:.4f} R2 {evaluate(model, test_loader):.4f}")
    print("RESULT r2", round(evaluate(model, test_loader), 4))


if __name__ == "__main__":
    main()
