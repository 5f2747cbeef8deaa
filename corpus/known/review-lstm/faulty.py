import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# reviews as word ids: 0 is <pad>, 1-30 praise, 31-60 complain, the rest is neutral
VOCAB, MAX_LEN = 300, 80


def write_reviews(n):
    ids = np.zeros((n, MAX_LEN), dtype=np.int64)
    lengths = rng.integers(6, 25, n)
    labels = rng.integers(0, 2, n)
    for row, length, label in zip(ids, lengths, labels):
        words = rng.integers(61, VOCAB, length)
        loaded = rng.random(length) < 0.4
        side = np.where(rng.random(length) < 0.85, label, 1 - label)
        words[loaded] = np.where(side == 1, rng.integers(1, 31, length), rng.integers(31, 61, length))[loaded]
        row[:length] = words
    return torch.tensor(ids), torch.tensor(labels, dtype=torch.float32)


class SentimentLSTM(nn.Module):
    def __init__(self, embed_dim=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, embed_dim, padding_idx=0)
        self.lstm = nn.LSTM(embed_dim, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, ids):
        emb = self.embedding(ids)
        _, (h_n, _) = self.lstm(emb)
        return self.fc(h_n[-1]).squeeze(1)


train = DataLoader(TensorDataset(*write_reviews(1280)), batch_size=64, shuffle=True)
test = DataLoader(TensorDataset(*write_reviews(400)), batch_size=200)

model = SentimentLSTM()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(7):
    model.train()
    total = 0.0
    for ids, labels in train:
        optimizer.zero_grad()
        loss = criterion(model(ids), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    model.eval()
    hits = 0
    with torch.no_grad():
        for ids, labels in test:
            hits += ((model(ids) > 0).float() == labels).sum().item()
    acc = hits / len(test.dataset)
    print(f"epoch {epoch + 1} train loss {total / len(train):.4f} test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
