import json
import math
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)

SETTINGS = json.loads("""
{
  "bands": 40, "minerals": 6, "width": 96, "hidden_layers": 5,
  "init_scale": 2.0, "lr": 0.02, "momentum": 0.9, "batch_size": 50, "epochs": 20
}
""")


def variance_scaling_(weight, scale):
    """Truncated normal of jax.nn.initializers.variance_scaling(scale, 'fan_in')."""
    fan_in = weight.shape[1]
    std = math.sqrt(scale) / fan_in
    with torch.no_grad():
        nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)
    return weight


class Dense(nn.Linear):
    scale = SETTINGS["init_scale"]

    def reset_parameters(self):
        variance_scaling_(self.weight, self.scale)
        nn.init.zeros_(self.bias)


class ReadOut(Dense):
    scale = 1.0


class SpectrumNet(nn.Module):
    def __init__(self, s):
        super().__init__()
        dims = [s["bands"]] + [s["width"]] * s["hidden_layers"]
        self.hidden = nn.ModuleList([Dense(a, b) for a, b in zip(dims, dims[1:])])
        self.read_out = ReadOut(dims[-1], s["minerals"])

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.read_out(x)


def spectra(n, s, rng):
    """Absorption spectra: each mineral has three bands, shifted and scaled a little from sample to sample."""
    grid = np.linspace(0, 1, s["bands"])
    centres = np.sort(np.random.default_rng(11).uniform(0.05, 0.95, (s["minerals"], 3)), axis=1)
    label = rng.integers(0, s["minerals"], n)
    c = centres[label] + rng.normal(0, 0.015, (n, 3))
    depth = rng.uniform(0.4, 1.0, (n, 3))
    dips = (depth[:, :, None] * np.exp(-((grid - c[:, :, None]) / 0.05) ** 2)).sum(1)
    slope = rng.normal(0, 0.3, (n, 1)) * (grid - 0.5)
    return 1 - dips + slope + rng.normal(0, 0.05, (n, s["bands"])), label


def main(s):
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    X, label = spectra(2400, s, rng)
    mu, sd = X[:1900].mean(0), X[:1900].std(0)
    X = torch.tensor((X - mu) / sd, dtype=torch.float32)
    y = torch.tensor(label, dtype=torch.long)
    train_x, train_y, test_x, test_y = X[:1900], y[:1900], X[1900:], y[1900:]

    model = SpectrumNet(s)
    opt = torch.optim.SGD(model.parameters(), lr=s["lr"], momentum=s["momentum"])
    criterion = nn.CrossEntropyLoss()

    def accuracy():
        model.eval()
        with torch.no_grad():
            return (model(test_x).argmax(1) == test_y).float().mean().item()

    for epoch in range(s["epochs"]):
        model.train()
        losses = []
        for i in torch.randperm(len(train_x)).split(s["batch_size"]):
            opt.zero_grad()
            loss = criterion(model(train_x[i]), train_y[i])
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 4 == 3:
            print(json.dumps({"epoch": epoch + 1, "loss": round(float(np.mean(losses)), 4), "test_accuracy": round(accuracy(), 4)}))
    return accuracy()


if __name__ == "__main__":
    print(f"RESULT test_accuracy {main(SETTINGS):.4f}")
