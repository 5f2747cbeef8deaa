"""Two towers that place queries and documents in one space; ranks are counted by hand in validation_step."""
import math
import os
import warnings
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning as L
except ImportError:
    import pytorch_lightning as L

torch.set_num_threads(1)
warnings.filterwarnings("ignore")


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    n_train: int = 2400
    n_held: int = 300
    topics: int = 6
    query_dim: int = 16
    doc_dim: int = 20
    hidden: int = 64
    out: int = 16
    batch: int = 120
    epochs: int = 20
    lr: float = 2e-3


cfg = Config()


def make_pairs(c: Config):
    g = torch.Generator().manual_seed(c.seed + 100)
    n = c.n_train + 2 * c.n_held
    topic = torch.randn(n, c.topics, generator=g)
    to_query = torch.randn(c.topics, c.query_dim, generator=g) / math.sqrt(c.topics)
    to_doc = torch.randn(c.topics, c.doc_dim, generator=g) / math.sqrt(c.topics)
    query = torch.tanh(topic @ to_query) + 0.1 * torch.randn(n, c.query_dim, generator=g)
    doc = torch.tanh(topic @ to_doc) + 0.1 * torch.randn(n, c.doc_dim, generator=g)
    a, b = c.n_train, c.n_train + c.n_held
    query = (query - query[:a].mean(0)) / query[:a].std(0)
    doc = (doc - doc[:a].mean(0)) / doc[:a].std(0)
    return [TensorDataset(query[s], doc[s]) for s in (slice(0, a), slice(a, b), slice(b, n))]


def tower(n_in, hidden, out):
    return nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, out))


class TwoTower(L.LightningModule):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.query_tower = tower(c.query_dim, c.hidden, c.out)
        self.doc_tower = tower(c.doc_dim, c.hidden, c.out)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(self, query, doc):
        q = F.normalize(self.query_tower(query), dim=-1)
        d = F.normalize(self.doc_tower(doc), dim=-1)
        return self.log_scale.clamp(max=math.log(50.0)).exp() * q @ d.t()

    def training_step(self, batch, batch_idx):
        scores = self(*batch)
        target = torch.arange(len(scores), device=scores.device)
        loss = 0.5 * (F.cross_entropy(scores, target) + F.cross_entropy(scores.t(), target))
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def ranks(self, batch):
        """Place of the right document among all that are held out; 1 is best."""
        scores = self(*batch)
        return (scores > scores.diagonal().unsqueeze(1)).sum(1) + 1

    def validation_step(self, batch, batch_idx):
        rank = self.ranks(batch).float()
        values = {"val_recall5": (rank <= 5).float().mean(), "val_mrr": rank.reciprocal().mean()}
        self.log_dict(values, batch_size=len(rank))
        return values

    def on_validation_epoch_end(self):
        m = self.trainer.callback_metrics
        if self.current_epoch % 4 == 3:
            print(f"epoch {self.current_epoch + 1}: recall@5 {m['val_recall5']:.3f} mrr {m['val_mrr']:.3f} scale {self.log_scale.exp().item():.1f}")

    def test_step(self, batch, batch_idx):
        rank = self.ranks(batch).float()
        self.log("recall5", (rank <= 5).float().mean(), batch_size=len(rank))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.c.lr, weight_decay=1e-4)


L.seed_everything(cfg.seed)
train_set, val_set, test_set = make_pairs(cfg)
model = TwoTower(cfg)
trainer = L.Trainer(
    max_epochs=cfg.epochs, accelerator="cpu", devices=1, num_sanity_val_steps=0, logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(
    model,
    train_dataloaders=DataLoader(train_set, batch_size=cfg.batch, shuffle=True, drop_last=True),
    # one batch holds the whole catalogue, so that ranks are among all 300 documents
    val_dataloaders=DataLoader(val_set, batch_size=cfg.n_held),
)
result = trainer.test(model, dataloaders=DataLoader(test_set, batch_size=cfg.n_held), verbose=False)
print("by chance recall@5 would be", round(5 / cfg.n_held, 4))
print("RESULT test_recall_at_5", round(float(result[0]["recall5"]), 4))
