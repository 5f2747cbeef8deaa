"""Minutes until a meal is delivered. The job is stopped after some epochs and goes on from its checkpoint in a new Trainer."""
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", "0"))


def make_orders(n, rng):
    distance = rng.gamma(2.0, 1.5, n) + 0.3
    hour = rng.integers(10, 23, n)
    weekday = rng.integers(0, 7, n)
    vehicle = rng.integers(0, 3, n)  # bicycle, scooter, car
    kitchen = rng.normal(14, 4, n).clip(5, 30)
    rain = (rng.random(n) < 0.2).astype(float)
    queue = rng.poisson(2.0, n).astype(float)
    rush = np.isin(hour, [12, 13, 18, 19, 20])
    speed = np.array([14.0, 22.0, 26.0])[vehicle] * np.where(rush, np.array([0.95, 0.85, 0.6])[vehicle], 1.0)
    minutes = kitchen + 60 * distance / speed * (1 + 0.25 * rain) + 1.8 * queue + 5.0 * ((weekday >= 4) & (hour >= 18))
    minutes = minutes * np.exp(rng.normal(0, 0.08, n))
    categories = np.stack([hour - 10, weekday, vehicle], axis=1)
    numbers = np.stack([np.log(distance), distance, kitchen, rain, queue], axis=1)
    return categories, numbers, minutes


class Orders(Dataset):
    def __init__(self, categories, numbers, log_minutes):
        self.categories = torch.as_tensor(categories, dtype=torch.long)
        self.numbers = torch.as_tensor(numbers, dtype=torch.float32)
        self.target = torch.as_tensor(log_minutes, dtype=torch.float32)

    def __len__(self):
        return len(self.target)

    def __getitem__(self, i):
        return {"categories": self.categories[i], "numbers": self.numbers[i], "target": self.target[i]}


class EtaNet(nn.Module):
    def __init__(self, n_numbers):
        super().__init__()
        self.hour, self.weekday, self.vehicle = nn.Embedding(13, 4), nn.Embedding(7, 3), nn.Embedding(3, 2)
        self.layers = nn.Sequential(
            nn.Linear(4 + 3 + 2 + n_numbers, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, batch):
        h, w, v = batch["categories"].unbind(1)
        x = torch.cat([self.hour(h), self.weekday(w), self.vehicle(v), batch["numbers"]], dim=1)
        return self.layers(x).squeeze(-1)


class Trainer:
    def __init__(self, folder, train_set, valid_set, to_minutes, seed):
        torch.manual_seed(seed)
        self.folder, self.to_minutes = Path(folder), to_minutes
        self.shuffle = torch.Generator().manual_seed(seed)
        self.train_loader = DataLoader(train_set, batch_size=64, shuffle=True, generator=self.shuffle)
        self.valid_loader = DataLoader(valid_set, batch_size=256)
        self.model = EtaNet(train_set.numbers.shape[1])
        self.criterion = nn.SmoothL1Loss(beta=0.3)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=5, gamma=0.4)
        self.epoch, self.best, self.history = 0, float("inf"), []

    def save(self, name):
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "epoch": self.epoch,
                "best": self.best,
                "history": self.history,
                "shuffle": self.shuffle.get_state(),
            },
            self.folder / name,
        )

    def resume(self, name="last.pt"):
        state = torch.load(self.folder / name)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.shuffle.set_state(state["shuffle"])
        self.epoch, self.best, self.history = state["epoch"], state["best"], state["history"]
        print(f"resumed after epoch {self.epoch}, lr {self.scheduler.get_last_lr()[0]:.4f}")
        return self

    def run_epoch(self):
        self.model.train()
        total, seen = 0.0, 0
        for batch in self.train_loader:
            loss = self.criterion(self.model(batch), batch["target"])
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
            self.optimizer.step()
            total += loss.item() * len(batch["target"])
            seen += len(batch["target"])
        self.scheduler.step()
        return total / seen

    @torch.no_grad()
    def mae_minutes(self, loader):
        self.model.eval()
        errors = [(self.to_minutes(self.model(b)) - self.to_minutes(b["target"])).abs() for b in loader]
        return torch.cat(errors).mean().item()

    def fit(self, until):
        while self.epoch < until:
            loss = self.run_epoch()
            mae = self.mae_minutes(self.valid_loader)
            self.epoch += 1
            self.history.append((loss, mae))
            if mae < self.best:
                self.best = mae
                self.save("best.pt")
            self.save("last.pt")
            print(f"epoch {self.epoch:2d} loss {loss:.4f} valid mae {mae:.2f} min")


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    categories, numbers, minutes = make_orders(3200, rng)
    train, valid, test = slice(0, 2200), slice(2200, 2600), slice(2600, 3200)
    m, s = numbers[train].mean(0), numbers[train].std(0)
    logs = np.log(minutes)
    ym, ys = float(logs[train].mean()), float(logs[train].std())
    sets = [Orders(categories[p], (numbers[p] - m) / s, (logs[p] - ym) / ys) for p in (train, valid, test)]
    to_minutes = lambda z: (z * ys + ym).exp()

    with tempfile.TemporaryDirectory() as folder:
        Trainer(folder, sets[0], sets[1], to_minutes, seed=SEED).fit(until=6)
        print("-- the machine is taken away, the job starts again --")
        trainer = Trainer(folder, sets[0], sets[1], to_minutes, seed=SEED + 1).resume()
        trainer.fit(until=15)
        assert len(trainer.history) == 15
        trainer.model.load_state_dict(torch.load(Path(folder) / "best.pt")["model"])

    mae = trainer.mae_minutes(DataLoader(sets[2], batch_size=256))
    constant = np.abs(minutes[test] - np.median(minutes[train])).mean()
    print(f"always the median: mae {constant:.2f} min")
    print("RESULT test_mae_minutes", round(mae, 4))


if __name__ == "__main__":
    main()
