import argparse
import logging
import os
import sys
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
log = logging.getLogger("alarms")

N_TYPES, N_SENSORS = 6, 10


def make_alarms(seed, n=5000):
    """Each type of alarm comes in two forms, readings of ten sensors."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(N_TYPES * 2, N_SENSORS)) * 1.1
    form = rng.integers(0, N_TYPES * 2, n)
    readings = centres[form] + rng.normal(size=(n, N_SENSORS))
    return readings.astype(np.float32), (form % N_TYPES).astype(np.int64)


class AlarmNet(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(N_SENSORS, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, N_TYPES)
        )
        self.log_temperature = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.body(x) / self.log_temperature.exp()


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def calibration_error(model, x, y, bins=10):
    model.eval()
    with torch.no_grad():
        confidence, label = model(x).softmax(1).max(1)
    right = (label == y).float()
    which = (confidence * bins).long().clamp(max=bins - 1)
    total = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            total += inside.float().mean().item() * abs(confidence[inside].mean().item() - right[inside].mean().item())
    return total


def fit(model, loader, x_val, y_val, args):
    optimizer = torch.optim.AdamW(model.body.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    best = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "best.pt")
        for epoch in range(1, args.epochs + 1):
            model.train()
            total = 0.0
            for xb, yb in loader:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(xb), yb)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(yb)
            val_loss, val_acc = evaluate(model, x_val, y_val)
            if val_loss < best:
                best = val_loss
                torch.save(model.state_dict(), path)
            if epoch % 4 == 0:
                log.info("epoch %d loss %.4f val %.4f acc %.4f", epoch, total / len(loader.dataset), val_loss, val_acc)
        model.load_state_dict(torch.load(path))


def calibrate(model, x_val, y_val):
    model.eval()
    with torch.no_grad():
        scores = model.body(x_val)
    lbfgs = torch.optim.LBFGS([model.log_temperature], lr=0.5, max_iter=40, line_search_fn="strong_wolfe")

    def closure():
        lbfgs.zero_grad()
        loss = F.cross_entropy(scores / model.log_temperature.exp(), y_val)
        loss.backward()
        return loss

    lbfgs.step(closure)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--weight-decay", type=float, default=1e-2)
    args = parser.parse_args()
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)

    x, y = make_alarms(seed)
    x = (x - x[:3000].mean(0)) / x[:3000].std(0)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    loader = DataLoader(TensorDataset(x[:3000], y[:3000]), batch_size=64, shuffle=True)
    x_val, y_val, x_test, y_test = x[3000:3800], y[3000:3800], x[3800:], y[3800:]

    model = AlarmNet()
    fit(model, loader, x_val, y_val, args)
    log.info("before calibration: ECE %.4f, nll %.4f", calibration_error(model, x_test, y_test), evaluate(model, x_test, y_test)[0])
    calibrate(model, x_val, y_val)
    nll, acc = evaluate(model, x_test, y_test)
    log.info("temperature %.3f: ECE %.4f, nll %.4f", model.log_temperature.exp().item(), calibration_error(model, x_test, y_test), nll)
    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()
