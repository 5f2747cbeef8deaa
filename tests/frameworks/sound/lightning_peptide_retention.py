import logging
import os
import tempfile
import warnings

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

try:
    import lightning.pytorch as pl
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
except ImportError:
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", module=".*lightning.*")

N_AMINO, MAX_LEN, PAD = 20, 20, 0


class Peptides(Dataset):
    def __init__(self, tokens, target):
        self.tokens = torch.as_tensor(tokens, dtype=torch.long)
        self.target = torch.as_tensor(target, dtype=torch.float32)

    def __len__(self):
        return len(self.target)

    def __getitem__(self, i):
        return self.tokens[i], self.target[i]


class RetentionData(pl.LightningDataModule):
    """Simulated liquid chromatography: the retention time of a peptide from its residues."""

    def __init__(self, seed, batch_size=64, sizes=(1300, 250, 300)):
        super().__init__()
        self.seed, self.batch_size, self.sizes = seed, batch_size, sizes
        self.sets = None

    def setup(self, stage=None):
        if self.sets is not None:
            return
        rng = np.random.default_rng(self.seed)
        n = sum(self.sizes)
        lengths = rng.integers(8, MAX_LEN + 1, n)
        position = np.arange(MAX_LEN)
        mask = position[None, :] < lengths[:, None]
        tokens = rng.integers(1, N_AMINO + 1, (n, MAX_LEN)) * mask
        hydrophobicity = np.concatenate([[0.0], rng.normal(size=N_AMINO)])
        h = hydrophobicity[tokens]
        end_effect = np.where(position < 3, 0.4, 1.0)
        time = (h * end_effect).sum(1) + 0.25 * (h[:, :-1] * h[:, 1:]).sum(1)
        time = time + rng.normal(size=n) * 0.1 * time.std()

        a, b = self.sizes[0], self.sizes[0] + self.sizes[1]
        self.mean, self.std = time[:a].mean(), time[:a].std()
        y = (time - self.mean) / self.std
        self.sets = {
            "train": Peptides(tokens[:a], y[:a]),
            "val": Peptides(tokens[a:b], y[a:b]),
            "test": Peptides(tokens[b:], y[b:]),
        }

    def train_dataloader(self):
        return DataLoader(self.sets["train"], batch_size=self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.sets["val"], batch_size=250)

    def test_dataloader(self):
        return DataLoader(self.sets["test"], batch_size=300)


class RetentionNet(pl.LightningModule):
    def __init__(self, width=48, lr=4e-3, max_epochs=24):
        super().__init__()
        self.save_hyperparameters()
        self.embed = nn.Embedding(N_AMINO + 1, 24, padding_idx=PAD)
        self.conv1 = nn.Conv1d(24, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.act = nn.GELU()
        self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        self._seen = []

    def forward(self, tokens):
        mask = (tokens != PAD).unsqueeze(1).float()
        h = self.embed(tokens).transpose(1, 2)
        h = self.act(self.conv1(h)) * mask
        h = self.act(self.conv2(h)) * mask + h
        return self.head(h.sum(-1) / 4.0).squeeze(-1)

    def training_step(self, batch, batch_idx):
        tokens, y = batch
        loss = nn.functional.mse_loss(self(tokens), y)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        tokens, y = batch
        self.log("val_rmse", nn.functional.mse_loss(self(tokens), y).sqrt())

    def test_step(self, batch, batch_idx):
        tokens, y = batch
        self._seen.append((self(tokens), y))

    def on_test_epoch_end(self):
        pred, y = (torch.cat(part) for part in zip(*self._seen))
        self.log("test_r2", 1.0 - ((pred - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
        self._seen.clear()

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams.lr, weight_decay=1e-3)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=self.hparams.max_epochs)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "epoch"}}


if __name__ == "__main__":
    pl.seed_everything(SEED, workers=True)
    data = RetentionData(SEED)
    model = RetentionNet()
    with tempfile.TemporaryDirectory() as folder:
        best = ModelCheckpoint(dirpath=folder, filename="{epoch}-{val_rmse:.3f}", monitor="val_rmse", mode="min", save_top_k=1)
        stop = EarlyStopping(monitor="val_rmse", mode="min", patience=8, min_delta=1e-4)
        trainer = pl.Trainer(
            accelerator="cpu", devices=1, max_epochs=model.hparams.max_epochs, gradient_clip_val=1.0,
            callbacks=[best, stop], logger=False, enable_progress_bar=False, enable_model_summary=False,
        )
        trainer.fit(model, datamodule=data)
        print("epochs run:", trainer.current_epoch, " best validation rmse:", round(float(best.best_model_score), 4))
        scores = trainer.test(model, datamodule=data, ckpt_path=best.best_model_path, verbose=False)
    print("RESULT test_r2", round(float(scores[0]["test_r2"]), 4))
