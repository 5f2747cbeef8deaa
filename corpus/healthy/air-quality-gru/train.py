"""Particulate matter six hours ahead from the last day of hourly values. GRU, callbacks, evaluation every N steps."""
import copy
import csv
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn

HOURS, WINDOW, AHEAD = 2400, 24, 6


def simulate(rng):
    t = np.arange(HOURS)
    hour, weekend = t % 24, ((t // 24) % 7 >= 5).astype(float)

    def ar(phi, sigma):
        out = np.zeros(HOURS)
        for i in range(1, HOURS):
            out[i] = phi * out[i - 1] + sigma * rng.normal()
        return out

    temperature = 12 + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + ar(0.97, 0.6)
    wind = 2.0 * np.exp(ar(0.97, 0.09))
    rush = np.exp(-0.5 * ((hour - 8) / 1.5) ** 2) + np.exp(-0.5 * ((hour - 18) / 2.0) ** 2)
    traffic = (0.2 + rush * (1 - 0.6 * weekend)) * np.exp(rng.normal(0, 0.1, HOURS))
    pm = np.zeros(HOURS)
    pm[0] = 20.0
    for i in range(1, HOURS):
        pm[i] = pm[i - 1] * np.exp(-0.07 * wind[i]) + 6 * traffic[i] + 0.5 + 0.5 * rng.normal()
        pm[i] = max(pm[i], 1.0)
    return np.stack(
        [pm, temperature, wind, traffic, np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), weekend], axis=1
    )


class Forecaster(nn.Module):
    """Predicts the change against the last value of the window."""

    def __init__(self, features, hidden=24):
        super().__init__()
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, 24), nn.ELU(), nn.Linear(24, 1))

    def forward(self, x):
        _, h = self.gru(x)
        return x[:, -1, 0] + self.head(h[-1]).squeeze(1)


class Callback:
    def on_evaluate(self, loop, record):
        pass

    def on_end(self, loop):
        pass


class CsvLog(Callback):
    def __init__(self, path):
        self.path, self.fields = path, None

    def on_evaluate(self, loop, record):
        with open(self.path, "a", newline="") as f:
            writer = csv.DictWriter(f, fieldnames=list(record))
            if f.tell() == 0:
                writer.writeheader()
            writer.writerow(record)


class Print(Callback):
    def on_evaluate(self, loop, record):
        print(" ".join(f"{k} {v:.5g}" for k, v in record.items()))


class EarlyStopping(Callback):
    def __init__(self, patience):
        self.patience, self.best, self.bad, self.weights, self.step = patience, float("inf"), 0, None, 0

    def on_evaluate(self, loop, record):
        if record["valid"] < self.best:
            self.best, self.bad, self.step = record["valid"], 0, record["step"]
            self.weights = copy.deepcopy(loop.model.state_dict())
            return
        self.bad += 1
        loop.stop = self.bad >= self.patience

    def on_end(self, loop):
        loop.model.load_state_dict(self.weights)
        print(f"weights of step {self.step} restored")


class Loop:
    def __init__(self, model, optimizer, scheduler, callbacks, eval_every):
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.callbacks, self.eval_every, self.stop = callbacks, eval_every, False

    @torch.no_grad()
    def mse(self, data):
        self.model.eval()
        x, y = data
        out = torch.cat([self.model(p) for p in x.split(256)])
        self.model.train()
        return nn.functional.mse_loss(out, y).item()

    def batches(self, data, size):
        x, y = data
        while True:
            for idx in torch.randperm(len(x)).split(size):
                yield x[idx], y[idx]

    def run(self, train, valid, steps, batch=64):
        running = []
        self.model.train()
        for step, (x, y) in enumerate(self.batches(train, batch), start=1):
            self.optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            running.append(loss.item())
            if step % self.eval_every == 0:
                record = {
                    "step": step,
                    "train": sum(running) / len(running),
                    "valid": self.mse(valid),
                    "lr": self.scheduler.get_last_lr()[0],
                }
                running = []
                for c in self.callbacks:
                    c.on_evaluate(self, record)
            if self.stop or step == steps:
                break
        for c in self.callbacks:
            c.on_end(self)


def main():
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    series = simulate(np.random.default_rng(seed))
    cut_train, cut_valid = int(0.7 * HOURS), int(0.85 * HOURS)
    mean, std = series[:cut_train].mean(0), series[:cut_train].std(0)
    z = torch.tensor((series - mean) / std, dtype=torch.float32)

    def part(start, end):  # windows and targets both inside [start, end)
        x = z[start : end - AHEAD].unfold(0, WINDOW, 1).transpose(1, 2).contiguous()
        return x, z[start + WINDOW - 1 + AHEAD : end, 0]

    train, valid, test = part(0, cut_train), part(cut_train, cut_valid), part(cut_valid, HOURS)
    model = Forecaster(z.shape[1])
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=150, eta_min=5e-5)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.csv")
        Loop(model, optimizer, scheduler, [Print(), CsvLog(path), EarlyStopping(patience=5)], eval_every=45).run(train, valid, 450)
        print("lines in the log:", sum(1 for _ in open(path)))

    model.eval()
    x, y = test
    with torch.no_grad():
        guess = model(x)
    persistence = nn.functional.mse_loss(x[:, -1, 0], y).item()
    mse = nn.functional.mse_loss(guess, y).item()
    print(f"rmse {mse ** 0.5 * std[0]:.2f} ug/m3, persistence {persistence ** 0.5 * std[0]:.2f}")
    print("RESULT skill_over_persistence", round(1 - mse / persistence, 4))


if __name__ == "__main__":
    main()
