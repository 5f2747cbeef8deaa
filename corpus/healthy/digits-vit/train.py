import math
import os
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    patch: int = 2
    dim: int = 32
    depth: int = 2
    heads: int = 4
    epochs: int = 12
    lr: float = 5e-3
    weight_decay: float = 0.05
    warmup: int = 30
    batch: int = 64


class ViT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        n = (8 // cfg.patch) ** 2
        self.patchify = nn.Conv2d(1, cfg.dim, cfg.patch, stride=cfg.patch)
        self.cls = nn.Parameter(torch.randn(1, 1, cfg.dim) * 0.02)
        self.pos = nn.Parameter(torch.randn(1, n + 1, cfg.dim) * 0.02)
        self.blocks = nn.ModuleList([
            nn.TransformerEncoderLayer(cfg.dim, cfg.heads, 2 * cfg.dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
            for _ in range(cfg.depth)])
        self.norm = nn.LayerNorm(cfg.dim)
        self.head = nn.Linear(cfg.dim, 10)

    def forward(self, x):
        x = self.patchify(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


cfg = Config()
torch.manual_seed(cfg.seed)
digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
y = torch.tensor(digits.target)
itr, ite = train_test_split(range(len(X)), test_size=0.2, stratify=digits.target, random_state=cfg.seed)
mean, std = X[itr].mean(), X[itr].std()
X = (X - mean) / std
train = DataLoader(TensorDataset(X[itr], y[itr]), batch_size=cfg.batch, shuffle=True, drop_last=True)
test = DataLoader(TensorDataset(X[ite], y[ite]), batch_size=256)

model = ViT(cfg)
decay = [p for n, p in model.named_parameters() if p.ndim > 1 and n not in ("cls", "pos")]
no_decay = [p for n, p in model.named_parameters() if p.ndim <= 1 or n in ("cls", "pos")]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": cfg.weight_decay}, {"params": no_decay, "weight_decay": 0.0}], lr=cfg.lr)
total = cfg.epochs * len(train)
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda s: (s + 1) / cfg.warmup if s < cfg.warmup else 0.5 * (1 + math.cos(math.pi * (s - cfg.warmup) / (total - cfg.warmup))))
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)

for epoch in range(cfg.epochs):
    model.train()
    running = 0.0
    for xb, yb in train:
        opt.zero_grad(set_to_none=True)
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        correct = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in test)
    print(f"epoch {epoch + 1:2d}  loss {running / len(train):.4f}  test acc {correct / len(ite):.4f}  lr {sched.get_last_lr()[0]:.2e}")
print("RESULT test_accuracy", round(correct / len(ite), 4))
