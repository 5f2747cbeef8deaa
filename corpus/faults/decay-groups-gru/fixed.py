import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

VOCAB, T, KEYS = 20, 16, 6


def make_sequences(n):
    """Class = which of the six key tokens comes right after the marker token 0."""
    seq = np.random.randint(1, VOCAB, size=(n, T))
    pos = np.random.randint(0, T - 6, size=n)
    label = np.random.randint(0, KEYS, size=n)
    seq[np.arange(n), pos] = 0
    seq[np.arange(n), pos + 1] = label + 1
    return TensorDataset(torch.from_numpy(seq), torch.from_numpy(label))


class GRUClassifier(nn.Module):
    def __init__(self, emb=16, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)
        self.norm = nn.LayerNorm(hidden)
        self.fc = nn.Linear(hidden, KEYS)

    def forward(self, x):
        _, h = self.gru(self.embedding(x))
        return self.fc(self.norm(h[-1]))


def build_optimizer(model, lr=5e-3, weight_decay=1e-3):
    decay = [p for n, p in model.named_parameters() if p.dim() > 1]
    no_decay = [p for n, p in model.named_parameters() if p.dim() <= 1]
    groups = [
        {"params": decay, "weight_decay": weight_decay},
        {"params": no_decay, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=lr)
    return optimizer


def evaluate(model, loader):
    model.eval()
    hits, n = 0, 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(-1) == y).sum().item()
            n += len(y)
    return hits / n


def main():
    train_loader = DataLoader(make_sequences(4000), batch_size=64, shuffle=True)
    val_loader = DataLoader(make_sequences(600), batch_size=200)
    model = GRUClassifier()
    optimizer = build_optimizer(model)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(12):
        model.train()
        losses = []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:02d} | loss {np.mean(losses):.4f} | val acc {evaluate(model, val_loader):.4f}")
    print(f"RESULT val_accuracy {evaluate(model, val_loader):.4f}")


if __name__ == "__main__":
    main()
