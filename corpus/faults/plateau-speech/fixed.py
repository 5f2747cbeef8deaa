import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


SEED = int(os.environ.get("SEED", "0"))
set_seed(SEED)

WORDS = ["kata", "milo", "suren", "davok", "pelin", "torga"]
PHONES = sorted(set("".join(WORDS)))
FORMANTS = np.random.default_rng(7).normal(size=(len(PHONES), 6))


class KeywordFrames(Dataset):
    """Sequences of acoustic frames; every phone lasts between two and four frames."""

    def __init__(self, n, noise=1.4):
        self.items = []
        for _ in range(n):
            label = np.random.randint(len(WORDS))
            frames = []
            for ch in WORDS[label]:
                frames += [FORMANTS[PHONES.index(ch)]] * np.random.randint(2, 5)
            frames = np.array(frames[:16] + [np.zeros(6)] * (16 - len(frames)))
            frames = frames + noise * np.random.randn(*frames.shape)
            self.items.append((torch.tensor(frames, dtype=torch.float32), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class KeywordSpotter(nn.Module):
    def __init__(self, n_feat=6, hidden=32, n_words=len(WORDS)):
        super().__init__()
        self.norm = nn.LayerNorm(n_feat)
        self.rnn = nn.GRU(n_feat, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, n_words)

    def forward(self, x):
        h, _ = self.rnn(self.norm(x))
        return self.out(h.max(dim=1).values)


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, correct, count = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
            total += loss.item() * len(y)
            correct += (logits.argmax(1) == y).sum().item()
            count += len(y)
    return total / count, correct / count


train_loader = DataLoader(KeywordFrames(700), batch_size=32, shuffle=True)
dev_loader = DataLoader(KeywordFrames(300), batch_size=100)

model = KeywordSpotter()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.1, patience=1)

for epoch in range(1, 13):
    tr_loss, tr_acc = run_epoch(model, train_loader, criterion, optimizer)
    dev_loss, dev_acc = run_epoch(model, dev_loader, criterion)
    scheduler.step(dev_acc)
    print(f"Epoch {epoch:2d} | train {tr_loss:.3f} / {tr_acc:.3f} | dev {dev_loss:.3f} / {dev_acc:.3f}")

print(f"RESULT dev_accuracy {dev_acc:.4f}")
