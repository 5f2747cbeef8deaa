"""Next letter prediction on sentences made from a small grammar."""
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(int(os.environ.get("SEED", 0)))
torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

SUBJECTS = ["the cat", "a heron", "my uncle", "the tailor", "one otter"]
VERBS = ["paints", "follows", "forgets", "visits"]
OBJECTS = ["the harbour", "a violin", "green apples", "the old mill"]
text = ". ".join(f"{random.choice(SUBJECTS)} {random.choice(VERBS)} {random.choice(OBJECTS)}" for _ in range(900))
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])
split = int(0.9 * len(ids))


class CharLM(nn.Module):
    def __init__(self, vocab, emb=16, hidden=64):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def features(self, idx):
        return self.rnn(self.emb(idx))[0]

    def forward(self, idx):
        h = self.features(idx)
        return self.out(h)


def get_batch(data, n=32, block=40):
    start = torch.randint(0, len(data) - block - 1, (n,))
    rows = torch.stack([data[s:s + block + 1] for s in start])
    return rows[:, :-1], rows[:, 1:]


model = CharLM(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for it in range(350):
    xb, yb = get_batch(ids[:split])
    loss = F.cross_entropy(model(xb).transpose(1, 2), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        print(f"iter {it}: train loss {loss.item():.4f}")

with torch.no_grad():
    xb, yb = get_batch(ids[split:], n=200)
    val = F.cross_entropy(model(xb).transpose(1, 2), yb).item()
print(f"RESULT val_loss {val:.4f}")
