"""Surrogate of the Colebrook equation: friction factor of rough pipes from Re and roughness."""
import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(name)s: %(message)s")
log = logging.getLogger("friction")
torch.set_num_threads(1)


class PipeTable(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        log_re, log_eps = rng.uniform(3.7, 8.0, n), rng.uniform(-6.0, -1.4, n)
        re, eps = 10 ** log_re, 10 ** log_eps
        f = np.full(n, 0.02)
        for _ in range(40):  # fixed point of 1/sqrt(f) = -2 log10(eps/3.7 + 2.51/(Re sqrt(f)))
            f = (-2 * np.log10(eps / 3.7 + 2.51 / (re * np.sqrt(f)))) ** -2
        target = np.log10(f) + rng.normal(0, 0.004, n)
        self.x = torch.tensor(np.stack([(log_re - 5.85) / 1.24, (log_eps + 3.7) / 1.33], 1), dtype=torch.float32)
        self.y = torch.tensor(target, dtype=torch.float32).unsqueeze(1)
        self.shift, self.scale = -1.75, 0.2  # of log10 f, roughly

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], (self.y[i] - self.shift) / self.scale


class StopTraining(Exception):
    pass


class Callback:
    def on_fit_start(self, trainer): pass
    def on_epoch_end(self, trainer, epoch, logs): pass
    def on_fit_end(self, trainer): pass


class History(Callback):
    def on_fit_start(self, trainer):
        trainer.history = []

    def on_epoch_end(self, trainer, epoch, logs):
        trainer.history.append(dict(logs, epoch=epoch))
        if epoch % 5 == 0:
            log.info("epoch %d train %.5f valid %.5f lr %.1e", epoch, logs["train"], logs["valid"],
                     trainer.optimizer.param_groups[0]["lr"])


class Plateau(Callback):
    def __init__(self, **kw):
        self.kw = kw

    def on_fit_start(self, trainer):
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer, **self.kw)

    def on_epoch_end(self, trainer, epoch, logs):
        self.scheduler.step(logs["valid"])


class Checkpoint(Callback):
    def __init__(self, folder):
        self.path, self.best = Path(folder) / "best.pt", float("inf")

    def on_epoch_end(self, trainer, epoch, logs):
        if logs["valid"] < self.best:
            self.best = logs["valid"]
            torch.save({"model": trainer.model.state_dict(), "epoch": epoch}, self.path)

    def on_fit_end(self, trainer):
        saved = torch.load(self.path, weights_only=True)
        trainer.model.load_state_dict(saved["model"])
        log.info("best epoch %d, valid %.5f", saved["epoch"], self.best)


class EarlyStopping(Callback):
    def __init__(self, patience, min_delta=1e-5):
        self.patience, self.min_delta, self.best, self.wait = patience, min_delta, float("inf"), 0

    def on_epoch_end(self, trainer, epoch, logs):
        if logs["valid"] < self.best - self.min_delta:
            self.best, self.wait = logs["valid"], 0
            return
        self.wait += 1
        if self.wait >= self.patience:
            raise StopTraining(f"no gain for {self.patience} epochs")


class Trainer:
    def __init__(self, model, optimizer, loss_fn, callbacks=()):
        self.model, self.optimizer, self.loss_fn, self.callbacks = model, optimizer, loss_fn, list(callbacks)

    def _call(self, hook, *args):
        for cb in self.callbacks:
            getattr(cb, hook)(self, *args)

    def _epoch(self, loader, training):
        self.model.train(training)
        total, n = 0.0, 0
        with torch.set_grad_enabled(training):
            for x, y in loader:
                loss = self.loss_fn(self.model(x), y)
                if training:
                    self.optimizer.zero_grad(set_to_none=True)
                    loss.backward()
                    self.optimizer.step()
                total, n = total + loss.item() * len(x), n + len(x)
        return total / n

    def fit(self, train_loader, valid_loader, max_epochs):
        self._call("on_fit_start")
        try:
            for epoch in range(1, max_epochs + 1):
                logs = {"train": self._epoch(train_loader, True), "valid": self._epoch(valid_loader, False)}
                self._call("on_epoch_end", epoch, logs)
        except StopTraining as stop:
            log.info("stopped at epoch %d: %s", epoch, stop)
        self._call("on_fit_end")
        return self.history

    @torch.no_grad()
    def predict(self, loader):
        self.model.eval()
        pairs = [(self.model(x), y) for x, y in loader]
        return torch.cat([p for p, _ in pairs]), torch.cat([y for _, y in pairs])


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    table = PipeTable(2400, seed)
    train, valid, test = random_split(table, [1600, 400, 400], generator=torch.Generator().manual_seed(seed))
    loaders = [DataLoader(d, batch_size=64, shuffle=i == 0) for i, d in enumerate((train, valid, test))]
    model = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, torch.optim.Adam(model.parameters(), lr=5e-3), nn.MSELoss(),
                          [History(), Checkpoint(folder), Plateau(factor=0.4, patience=4), EarlyStopping(10)])
        trainer.fit(loaders[0], loaders[1], max_epochs=45)
    pred, y = trainer.predict(loaders[2])
    r2 = 1 - ((pred - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    rel = (10 ** ((pred - y).abs() * table.scale) - 1).mean()
    log.info("mean relative error of f: %.2f %%", 100 * rel.item())
    print("RESULT test_r2", round(r2.item(), 4))


if __name__ == "__main__":
    main()
