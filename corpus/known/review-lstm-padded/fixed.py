import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

good = ["great", "lovely", "superb", "fresh", "friendly", "perfect", "charming", "tasty"]
bad = ["awful", "stale", "rude", "boring", "broken", "bland", "dirty", "slow"]
neutral = ["the", "a", "food", "film", "room", "staff", "was", "is", "and", "we", "it", "there", "place", "very"]
vocab = {w: i + 1 for i, w in enumerate(good + bad + neutral)}


def make_review():
    label = random.randint(0, 1)
    words = [random.choice(neutral) for _ in range(random.randint(3, 7))]
    for _ in range(2):
        words.insert(random.randint(0, len(words)), random.choice(good if label else bad))
    return [vocab[w] for w in words], label


def pad_sequences(sequences, maxlen):
    out = np.zeros((len(sequences), maxlen), dtype=np.int64)
    for i, s in enumerate(sequences):
        out[i, -len(s):] = s
    return torch.from_numpy(out)


reviews = [make_review() for _ in range(1000)]
x = pad_sequences([r for r, _ in reviews], maxlen=60)
y = torch.tensor([l for _, l in reviews], dtype=torch.float32)
train_loader = DataLoader(TensorDataset(x[:800], y[:800]), batch_size=32, shuffle=True)
x_val, y_val = x[800:], y[800:]


class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, embed=16, hidden=24):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed, padding_idx=0)
        self.lstm = nn.LSTM(embed, hidden, batch_first=True)
        self.dense = nn.Linear(hidden, 1)

    def forward(self, tokens):
        out, _ = self.lstm(self.embedding(tokens))
        return self.dense(out[:, -1]).squeeze(1)


model = SentimentLSTM(len(vocab) + 1)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    model.eval()
    with torch.no_grad():
        val_acc = ((model(x_val) > 0).float() == y_val).float().mean().item()
    print(f"Epoch {epoch + 1}/10 - loss: {total / 800:.4f} - val_acc: {val_acc:.4f}")

print(f"RESULT val_accuracy {val_acc:.4f}")
