"""
Deep sets: a number out of a set of points.

Every example is a set of 40 to 100 points of two correlated normal variables, the target the mutual
information of the two, -log(1 - rho^2) / 2. The network sees nothing but the points, in no order.
"""
import copy
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

N_MIN, N_MAX = 40, 100


def draw_sets(rng, how_many):
    rho = rng.uniform(-0.95, 0.95, how_many)
    z = rng.standard_normal((how_many, N_MAX, 2))
    second = rho[:, None] * z[..., 0] + np.sqrt(1 - rho[:, None] ** 2) * z[..., 1]
    points = np.stack([z[..., 0], second], axis=-1)
    mask = np.arange(N_MAX)[None, :] < rng.integers(N_MIN, N_MAX + 1, how_many)[:, None]
    target = -0.5 * np.log(1 - rho ** 2)
    as_float = lambda a: torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32))
    return as_float(points * mask[..., None]), as_float(mask), as_float(target)


class SetStream(IterableDataset):
    """Endless fresh batches, no set is seen twice."""

    def __init__(self, batch_size, seed):
        self.batch_size, self.seed = batch_size, seed

    def __iter__(self):
        rng = np.random.default_rng(self.seed)
        while True:
            yield draw_sets(rng, self.batch_size)


class DeepSet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, points, mask):
        h = self.phi(points) * mask.unsqueeze(-1)
        return self.rho(h.sum(dim=1) / mask.sum(dim=1, keepdim=True)).squeeze(-1)


class Callback:
    def on_epoch_end(self, trainer, epoch, logs):
        pass


class Printer(Callback):
    def on_epoch_end(self, trainer, epoch, logs):
        print(f"[{epoch:2d}] " + "  ".join(f"{k}={v:.4f}" for k, v in logs.items()))


class KeepBest(Callback):
    def __init__(self, monitor):
        self.monitor, self.best, self.state = monitor, float("inf"), None

    def on_epoch_end(self, trainer, epoch, logs):
        if logs[self.monitor] < self.best:
            self.best, self.state = logs[self.monitor], copy.deepcopy(trainer.model.state_dict())


class Plateau(Callback):
    def __init__(self, optimizer, monitor):
        self.monitor = monitor
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.4, patience=1)

    def on_epoch_end(self, trainer, epoch, logs):
        self.scheduler.step(logs[self.monitor])


class Trainer:
    def __init__(self, model, optimizer, criterion, callbacks):
        self.model, self.optimizer, self.criterion, self.callbacks = model, optimizer, criterion, callbacks

    def fit(self, stream, validation, epochs, steps_per_epoch):
        batches = iter(stream)
        for epoch in range(1, epochs + 1):
            self.model.train()
            running = 0.0
            for _ in range(steps_per_epoch):
                points, mask, target = next(batches)
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(points, mask), target)
                loss.backward()
                self.optimizer.step()
                running += loss.item()
            logs = {"loss": running / steps_per_epoch, "val_loss": self.evaluate(*validation)[0],
                    "lr": self.optimizer.param_groups[0]["lr"]}
            for callback in self.callbacks:
                callback.on_epoch_end(self, epoch, logs)

    @torch.no_grad()
    def evaluate(self, points, mask, target):
        self.model.eval()
        pred = self.model(points, mask)
        loss = self.criterion(pred, target).item()
        r2 = 1 - ((pred - target) ** 2).mean() / target.var(unbiased=False)
        return loss, r2.item()


def plug_in(points, mask):
    """The estimate a statistician would write down: correlation of the sample, then the formula."""
    n = mask.sum(1, keepdim=True)
    centred = (points - points.sum(1, keepdim=True) / n.unsqueeze(-1)) * mask.unsqueeze(-1)
    x, y = centred[..., 0], centred[..., 1]
    r2 = (x * y).sum(1) ** 2 / ((x ** 2).sum(1) * (y ** 2).sum(1))
    return -0.5 * torch.log(1 - r2)


def main():
    model = DeepSet()
    optimizer = torch.optim.RAdam(model.parameters(), lr=4e-3)
    keeper = KeepBest("val_loss")
    trainer = Trainer(model, optimizer, nn.MSELoss(), [Printer(), keeper, Plateau(optimizer, "val_loss")])
    stream = DataLoader(SetStream(32, seed=SEED), batch_size=None)
    validation = draw_sets(np.random.default_rng(10_000 + SEED), 400)
    test = draw_sets(np.random.default_rng(20_000 + SEED), 800)
    trainer.fit(stream, validation, epochs=11, steps_per_epoch=60)

    model.load_state_dict(keeper.state)
    _, r2 = trainer.evaluate(*test)
    reference = 1 - ((plug_in(test[0], test[1]) - test[2]) ** 2).mean() / test[2].var(unbiased=False)
    print(f"the formula with the sample correlation reaches {reference.item():.4f}")
    print("RESULT test_r2", round(r2, 4))


if __name__ == "__main__":
    main()
