"""Route support tickets to a department with a convolutional text model."""
import os
import random
from dataclasses import dataclass, field
from typing import List, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

DEPARTMENTS = ("billing", "network", "hardware", "accounts")
PAD = 0


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    vocab: int = 401
    common: int = 160
    embed: int = 32
    filters: int = 24
    kernels: List[int] = field(default_factory=lambda: [2, 3, 4])
    dropout: float = 0.3
    lr: float = 2e-3
    batch: int = 64
    epochs: int = 8
    train_size: int = 2400
    test_size: int = 600


def write_ticket(rnd: random.Random, department: int, cfg: Config) -> List[int]:
    first = 1 + cfg.common + 60 * department
    other = 1 + cfg.common + 60 * rnd.randrange(4)
    words = []
    for _ in range(rnd.randint(12, 30)):
        u = rnd.random()
        if u < 0.68:
            words.append(rnd.randint(1, cfg.common))
        elif u < 0.90:
            words.append(first + rnd.randrange(60))
        else:
            words.append(other + rnd.randrange(60))
    return words


class Tickets(Dataset):
    def __init__(self, n: int, rnd: random.Random, cfg: Config):
        self.labels = [rnd.randrange(4) for _ in range(n)]
        self.texts = [write_ticket(rnd, d, cfg) for d in self.labels]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> Tuple[List[int], int]:
        return self.texts[i], self.labels[i]


def collate(items):
    texts, labels = zip(*items)
    width = max(len(t) for t in texts)
    ids = torch.full((len(texts), width), PAD, dtype=torch.long)
    for row, t in enumerate(texts):
        ids[row, :len(t)] = torch.tensor(t)
    return ids, torch.tensor(labels)


class TextCNN(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.embedding = nn.Embedding(cfg.vocab, cfg.embed, padding_idx=PAD)
        self.convs = nn.ModuleList([nn.Conv1d(cfg.embed, cfg.filters, k, padding=k - 1) for k in cfg.kernels])
        self.dropout = nn.Dropout(cfg.dropout)
        self.fc = nn.Linear(cfg.filters * len(cfg.kernels), len(DEPARTMENTS))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        h = self.embedding(ids).transpose(1, 2)
        pooled = [F.relu(conv(h)).amax(dim=2) for conv in self.convs]
        return self.fc(self.dropout(torch.cat(pooled, dim=1)))


def main() -> None:
    cfg = Config()
    torch.manual_seed(cfg.seed)
    rnd = random.Random(cfg.seed)
    train_loader = DataLoader(Tickets(cfg.train_size, rnd, cfg), batch_size=cfg.batch, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(Tickets(cfg.test_size, rnd, cfg), batch_size=200, collate_fn=collate)

    model = TextCNN(cfg)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    model.train()
    for epoch in range(cfg.epochs):
        total = 0.0
        for ids, labels in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(ids), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        print(f"epoch {epoch + 1}/{cfg.epochs} loss {total / cfg.train_size:.4f}")

    model.eval()
    confusion = torch.zeros(4, 4, dtype=torch.long)
    with torch.no_grad():
        for ids, labels in test_loader:
            for truth, guess in zip(labels.tolist(), model(ids).argmax(1).tolist()):
                confusion[truth, guess] += 1
    for name, row in zip(DEPARTMENTS, confusion.tolist()):
        print(f"{name:>9s} {row}")
    print(f"RESULT test_accuracy {confusion.diag().sum().item() / confusion.sum().item():.4f}")


if __name__ == "__main__":
    main()
