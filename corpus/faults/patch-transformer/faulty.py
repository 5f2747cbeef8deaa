import os
from dataclasses import dataclass

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


@dataclass
class Config:
    patch: int = 2
    width: int = 32
    heads: int = 4
    depth: int = 2
    batch_size: int = 64
    base_lr: float = 8e-3
    epochs: int = 10

    @property
    def lr(self):
        return self.base_lr * self.batch_size


class TinyViT(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.patch = cfg.patch
        n = (8 // cfg.patch) ** 2
        self.embed = nn.Linear(cfg.patch ** 2, cfg.width)
        self.cls = nn.Parameter(torch.zeros(1, 1, cfg.width))
        self.pos = nn.Parameter(0.02 * torch.randn(1, n + 1, cfg.width))
        layer = nn.TransformerEncoderLayer(
            cfg.width, cfg.heads, dim_feedforward=2 * cfg.width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, cfg.depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(cfg.width)
        self.head = nn.Linear(cfg.width, 10)

    def forward(self, img):
        p = self.patch
        tokens = img.unfold(1, p, p).unfold(2, p, p).reshape(len(img), -1, p * p)
        tokens = self.embed(tokens)
        tokens = torch.cat([self.cls.expand(len(img), -1, -1), tokens], dim=1) + self.pos
        return self.head(self.norm(self.encoder(tokens)[:, 0]))


def main():
    cfg = Config()
    images, target = load_digits(return_X_y=True)
    images = torch.tensor(images, dtype=torch.float32).view(-1, 8, 8) / 8 - 1
    target = torch.tensor(target)
    tr, te = train_test_split(torch.arange(len(target)).numpy(), test_size=0.25, random_state=SEED, stratify=target)
    tr, te = torch.tensor(tr), torch.tensor(te)

    model = TinyViT(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(cfg.epochs):
        model.train()
        losses = []
        for idx in tr[torch.randperm(len(tr))].split(cfg.batch_size):
            loss = criterion(model(images[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            acc = (model(images[te]).argmax(1) == target[te]).float().mean().item()
        print(f"epoch {epoch + 1:2d}  loss {sum(losses) / len(losses):.4f}  test acc {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
