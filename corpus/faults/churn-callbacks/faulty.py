"""Customer churn from account features; a small Trainer with callbacks."""
import copy
import math
import os

import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class Callback:
    def on_train_begin(self, trainer):
        pass

    def on_epoch_end(self, trainer, epoch, logs):
        pass

    def on_train_end(self, trainer):
        pass


class PrintLogs(Callback):
    def __init__(self, every=10):
        self.every = every

    def on_epoch_end(self, trainer, epoch, logs):
        if epoch % self.every == 0:
            print(f"epoch {epoch:3d}  " + "  ".join(f"{k} {v:.4f}" for k, v in logs.items()))


class EarlyStopping(Callback):
    """Stop when the monitored figure has not improved for `patience` epochs and put the best weights back."""

    def __init__(self, monitor, patience=10):
        self.monitor, self.patience = monitor, patience

    def on_train_begin(self, trainer):
        self.best, self.waited, self.state = math.inf, 0, None

    def on_epoch_end(self, trainer, epoch, logs):
        if logs[self.monitor] < self.best:
            self.best, self.waited = logs[self.monitor], 0
            self.state = copy.deepcopy(trainer.model.state_dict())
        else:
            self.waited += 1
            trainer.stop = self.waited >= self.patience

    def on_train_end(self, trainer):
        trainer.model.load_state_dict(self.state)


class Trainer:
    def __init__(self, model, optimizer, callbacks=(), batch_size=32):
        self.model, self.optimizer, self.callbacks, self.batch_size = model, optimizer, callbacks, batch_size
        self.loss_fn = nn.BCEWithLogitsLoss()
        self.stop = False

    def evaluate(self, x, y):
        self.model.eval()
        with torch.no_grad():
            return self.loss_fn(self.model(x).squeeze(1), y).item()

    def fit(self, train, val, max_epochs):
        x, y = train
        for c in self.callbacks:
            c.on_train_begin(self)
        for epoch in range(1, max_epochs + 1):
            self.model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(self.batch_size):
                loss = self.loss_fn(self.model(x[idx]).squeeze(1), y[idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(idx)
            logs = {"loss": total / len(x), "val_loss": self.evaluate(*val)}
            for c in self.callbacks:
                c.on_epoch_end(self, epoch, logs)
            if self.stop:
                break
        for c in self.callbacks:
            c.on_train_end(self)
        return epoch


def load():
    features, churned = make_classification(n_samples=2600, n_features=40, n_informative=6, n_redundant=4, flip_y=0.15,
                                            class_sep=0.9, random_state=SEED)
    n_train, n_val = 260, 340
    features = StandardScaler().fit(features[:n_train]).transform(features)
    x = torch.tensor(features, dtype=torch.float32)
    y = torch.tensor(churned, dtype=torch.float32)
    parts = (slice(0, n_train), slice(n_train, n_train + n_val), slice(n_train + n_val, None))
    return [(x[p], y[p]) for p in parts]


def main():
    torch.manual_seed(SEED)
    train, val, test = load()
    model = nn.Sequential(nn.Linear(40, 192), nn.ReLU(), nn.Linear(192, 192), nn.ReLU(), nn.Linear(192, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    trainer = Trainer(model, optimizer, callbacks=[PrintLogs(), EarlyStopping(monitor="loss", patience=10)])
    last = trainer.fit(train, val, max_epochs=160)
    x_test, y_test = test
    with torch.no_grad():
        acc = ((model(x_test).squeeze(1) > 0).float() == y_test).float().mean().item()
    print(f"trained for {last} epochs, test accuracy {acc:.4f}")
    print(f"RESULT test_log_loss {trainer.evaluate(x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
