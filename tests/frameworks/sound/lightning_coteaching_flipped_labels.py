"""Two networks that pick the clean samples for each other (co-teaching), as one LightningModule with manual optimization."""
import logging
import os
import warnings

import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning as L
except ImportError:
    import pytorch_lightning as L

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning", "lightning_fabric"):
    logging.getLogger(name).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", ".*does not have many workers.*")

N_CLASSES, N_FEATURES, FLIPPED = 5, 20, 0.2


def annotator_mistakes(y, rate, generator):
    """Each label is moved to another class with the given probability."""
    wrong = torch.rand(len(y), generator=generator) < rate
    shift = torch.randint(1, N_CLASSES, (len(y),), generator=generator)
    return torch.where(wrong, (y + shift) % N_CLASSES, y)


def build_sets():
    x, y = make_classification(
        n_samples=2600, n_features=N_FEATURES, n_informative=10, n_redundant=4, n_classes=N_CLASSES,
        n_clusters_per_class=1, class_sep=1.8, flip_y=0.0, random_state=SEED,
    )
    scaler = StandardScaler().fit(x[:1600])
    x = torch.tensor(scaler.transform(x), dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.long)
    g = torch.Generator().manual_seed(SEED + 1)
    train = TensorDataset(x[:1600], annotator_mistakes(y[:1600], FLIPPED, g))
    # validation and test were checked by an expert: their labels are right
    return train, TensorDataset(x[1600:2000], y[1600:2000]), TensorDataset(x[2000:], y[2000:])


def make_net(hidden):
    return nn.Sequential(
        nn.Linear(N_FEATURES, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, N_CLASSES),
    )


class CoTeaching(L.LightningModule):
    def __init__(self, hidden=64, lr=2e-3, forget=FLIPPED, ramp_epochs=4, epochs=15):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.left = make_net(hidden)
        self.right = make_net(hidden)

    def forward(self, x):
        return (self.left(x).softmax(-1) + self.right(x).softmax(-1)) / 2

    def kept(self, n):
        rate = self.hparams.forget * min(1.0, self.current_epoch / self.hparams.ramp_epochs)
        return max(1, int(round((1.0 - rate) * n)))

    def training_step(self, batch, batch_idx):
        x, y = batch
        opt_left, opt_right = self.optimizers()
        each_left = F.cross_entropy(self.left(x), y, reduction="none")
        each_right = F.cross_entropy(self.right(x), y, reduction="none")
        k = self.kept(len(y))
        easy_left = each_left.detach().argsort()[:k]
        easy_right = each_right.detach().argsort()[:k]
        loss_left = each_left[easy_right].mean()
        loss_right = each_right[easy_left].mean()

        opt_left.zero_grad()
        self.manual_backward(loss_left)
        opt_left.step()

        opt_right.zero_grad()
        self.manual_backward(loss_right)
        opt_right.step()
        self.log_dict({"loss_left": loss_left, "loss_right": loss_right}, on_step=False, on_epoch=True)

    def on_train_epoch_end(self):
        for scheduler in self.lr_schedulers():
            scheduler.step()

    def validation_step(self, batch, batch_idx):
        x, y = batch
        self.log("val_acc", (self(x).argmax(-1) == y).float().mean(), batch_size=len(y))

    def test_step(self, batch, batch_idx):
        x, y = batch
        self.log("test_acc", (self(x).argmax(-1) == y).float().mean(), batch_size=len(y))

    def configure_optimizers(self):
        opts = [
            torch.optim.Adam(self.left.parameters(), lr=self.hparams.lr),
            torch.optim.Adam(self.right.parameters(), lr=self.hparams.lr),
        ]
        schedulers = [torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=self.hparams.epochs) for o in opts]
        return opts, schedulers


class Report(L.Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        m = trainer.callback_metrics
        if trainer.current_epoch % 3 == 2:
            print(f"epoch {trainer.current_epoch + 1:2d}  left {m['loss_left']:.4f}  right {m['loss_right']:.4f}  val acc {m['val_acc']:.4f}")


def main():
    L.seed_everything(SEED, workers=True)
    train, val, test = build_sets()
    model = CoTeaching()
    trainer = L.Trainer(
        max_epochs=model.hparams.epochs, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, callbacks=[Report()],
    )
    trainer.fit(model, DataLoader(train, batch_size=64, shuffle=True), DataLoader(val, batch_size=200))
    out = trainer.test(model, DataLoader(test, batch_size=200), verbose=False)[0]
    print("RESULT test_accuracy", round(float(out["test_acc"]), 4))


if __name__ == "__main__":
    main()
