import argparse
import logging
import os
import warnings

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning.pytorch as pl
    from lightning.pytorch.callbacks import StochasticWeightAveraging, Timer
except ImportError:
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import StochasticWeightAveraging, Timer

torch.set_num_threads(1)
warnings.simplefilter("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

ATTRIBUTES = ["cap", "surface", "colour", "odour", "gill", "stalk", "ring", "habitat"]
LEVELS = 5


def parse():
    p = argparse.ArgumentParser(description="edible or not, from eight categorical attributes")
    p.add_argument("--epochs", type=int, default=15)
    p.add_argument("--lr", type=float, default=0.05)
    p.add_argument("--swa-lr", type=float, default=0.02)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args()


def field_guide(seed, n=4200):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, LEVELS, size=(n, len(ATTRIBUTES)))
    effect = rng.normal(size=(len(ATTRIBUTES), LEVELS))
    pair = rng.normal(size=(LEVELS, LEVELS))
    score = sum(effect[j, x[:, j]] for j in range(len(ATTRIBUTES))) + pair[x[:, 3], x[:, 2]]
    score = 6.0 * (score - np.median(score)) / score.std()
    y = score + rng.logistic(size=n) > 0
    return torch.from_numpy(x).long(), torch.from_numpy(y.astype(np.float32))


class Forager(pl.LightningModule):
    def __init__(self, lr, dim=6, hidden=64):
        super().__init__()
        self.save_hyperparameters()
        self.register_buffer("offset", torch.arange(len(ATTRIBUTES)) * LEVELS)
        self.table = nn.Embedding(len(ATTRIBUTES) * LEVELS, dim)
        self.body = nn.Sequential(
            nn.Linear(len(ATTRIBUTES) * dim, hidden), nn.LayerNorm(hidden), nn.SiLU(), nn.Dropout(0.1),
            nn.Linear(hidden, 1),
        )
        self.criterion = nn.BCEWithLogitsLoss()

    def forward(self, x):
        return self.body(self.table(x + self.offset).flatten(1)).squeeze(1)

    def _shared(self, batch):
        x, y = batch
        logit = self(x)
        accuracy = ((logit > 0) == (y > 0.5)).float().mean()
        return self.criterion(logit, y), accuracy

    def training_step(self, batch, _):
        loss, accuracy = self._shared(batch)
        self.log("loss", loss, on_epoch=True, on_step=False)
        self.log("accuracy", accuracy, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch, _):
        loss, accuracy = self._shared(batch)
        self.log_dict({"val_loss": loss, "val_accuracy": accuracy})

    def test_step(self, batch, _):
        loss, accuracy = self._shared(batch)
        self.log_dict({"test_loss": loss, "test_accuracy": accuracy})

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, momentum=0.9, weight_decay=5e-4)


def main(args):
    pl.seed_everything(args.seed, workers=True)
    x, y = field_guide(args.seed)
    loader = lambda a, b, **kw: DataLoader(TensorDataset(x[a:b], y[a:b]), **kw)  # noqa: E731
    train = loader(0, 3000, batch_size=args.batch_size, shuffle=True)
    val = loader(3000, 3500, batch_size=500)
    test = loader(3500, 4200, batch_size=700)

    timer = Timer(duration={"minutes": 3}, interval="epoch", verbose=False)
    swa = StochasticWeightAveraging(swa_lrs=args.swa_lr, swa_epoch_start=0.6, annealing_epochs=3)
    model = Forager(args.lr)
    trainer = pl.Trainer(
        max_epochs=args.epochs, accelerator="cpu", devices=1, callbacks=[timer, swa], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(model, train, val)
    m = trainer.callback_metrics
    print(f"last epoch: train accuracy {m['accuracy']:.4f}, validation {m['val_accuracy']:.4f}")
    print(f"fitted in {timer.time_elapsed('train'):.1f} s")
    # the weights in the module are the averaged ones from here on
    score = trainer.test(model, test, verbose=False)[0]
    print("share of the larger class:", round(float(max(y[3500:].mean(), 1 - y[3500:].mean())), 3))
    print("RESULT test_accuracy", round(float(score["test_accuracy"]), 4))


main(parse())
