"""CO2 in ppm from an array of ten gas sensors, from raw ADC counts to ppm inside one deployable module.

The first layer is not learned: it is the whitening that belongs to the array, worked out once from the calibration run.
The last step turns the network's unit output into ppm. So the loss is in ppm squared, and the step size is chosen per
ppm squared too.
"""
import argparse
import logging
import os

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
log = logging.getLogger("array")


def calibration_run(seed, n):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, 4))  # gas, humidity, temperature, age
    gain = rng.uniform(200, 900, 10)
    rest = rng.uniform(18000, 42000, 10)
    response = z @ rng.standard_normal((4, 10)) / 2 + 0.03 * rng.standard_normal((n, 10))
    counts = np.clip(np.round(rest + gain * response), 0, 65535)
    ppm = 900 + 220 * z[:, 0] + 90 * z[:, 1] * z[:, 2] + 110 * np.tanh(1.5 * z[:, 3]) + 10 * rng.standard_normal(n)
    return counts, ppm


class ArrayModel(nn.Module):
    def __init__(self, counts, ppm, components=6, width=48):
        super().__init__()
        # whitening of the array, in double precision
        mean = counts.mean(0)
        _, s, vt = np.linalg.svd(counts - mean, full_matrices=False)
        spread = s[:components] / np.sqrt(len(counts))
        self.register_buffer("rest", torch.tensor(mean, dtype=torch.float32))
        self.whiten = nn.Linear(counts.shape[1], components, bias=False)
        with torch.no_grad():
            self.whiten.weight.copy_(torch.tensor(vt[:components] / spread[:, None], dtype=torch.float32))
        self.whiten.weight.requires_grad_(False)

        self.body = nn.Sequential(nn.Linear(components, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        for layer in self.body:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
        self.register_buffer("ppm_mean", torch.tensor(ppm.mean(), dtype=torch.float32))
        self.register_buffer("ppm_std", torch.tensor(ppm.std(), dtype=torch.float32))

    def forward(self, counts):
        return self.ppm_mean + self.ppm_std * self.body(self.whiten(counts - self.rest)).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--readings", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--unit-lr", type=float, default=2e-3, help="step size for a target of unit variance")
    parser.add_argument("--momentum", type=float, default=0.99)
    args = parser.parse_args([])

    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)

    counts, ppm = calibration_run(seed, args.readings)
    n_train = int(0.75 * len(counts))
    model = ArrayModel(counts[:n_train], ppm[:n_train])
    x, y = torch.tensor(counts, dtype=torch.float32), torch.tensor(ppm, dtype=torch.float32)
    x_train, y_train, x_test, y_test = x[:n_train], y[:n_train], x[n_train:], y[n_train:]

    lr = args.unit_lr / model.ppm_std.item() ** 2
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learned, lr=lr, momentum=args.momentum, nesterov=True)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda e: min(1.0, 2.0 * (1 - e / args.epochs)))
    log.info("step size %.2e per ppm^2, momentum %.2f", lr, args.momentum)

    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(n_train).split(args.batch):
            optimizer.zero_grad()
            loss = (model(x_train[idx]) - y_train[idx]).pow(2).mean()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        decay.step()
        if epoch % 5 == 0:
            log.info("epoch %2d  rms %.1f ppm", epoch, (total / n_train) ** 0.5)

    model.eval()
    with torch.no_grad():
        mse = (model(x_test) - y_test).pow(2).mean().item()
    log.info("held out: %.1f ppm rms, spread %.1f ppm", mse**0.5, y_test.std().item())
    print("RESULT test_r2", round(1 - mse / y_test.var(unbiased=False).item(), 4))


if __name__ == "__main__":
    main()
