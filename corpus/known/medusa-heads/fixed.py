import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

VOCAB, LENGTH = 24, 18
NUM_HEADS = 3


def corpus(n, order):
    """Token sequences: every token has a usual successor, now and then another one comes."""
    seq = np.zeros((n, LENGTH), dtype=np.int64)
    seq[:, 0] = rng.integers(0, VOCAB, n)
    for t in range(1, LENGTH):
        usual = order[seq[:, t - 1]]
        other = rng.integers(0, VOCAB, n)
        seq[:, t] = np.where(rng.random(n) < 0.95, usual, other)
    return torch.from_numpy(seq)


ring = rng.permutation(VOCAB)
successor = np.zeros(VOCAB, dtype=np.int64)
successor[ring] = np.roll(ring, -1)
train_seq, test_seq = corpus(800, successor), corpus(200, successor)


class ResBlock(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.linear = nn.Linear(hidden, hidden)
        nn.init.zeros_(self.linear.weight)
        self.act = nn.SiLU()

    def forward(self, x):
        return x + self.act(self.linear(x))


def make_head(hidden):
    return nn.Sequential(ResBlock(hidden), nn.Linear(hidden, VOCAB, bias=False))


class MedusaModel(nn.Module):
    """Head k predicts the token k + 1 steps ahead."""

    def __init__(self, hidden=48):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, hidden)
        self.trunk = nn.GRU(hidden, hidden, batch_first=True)
        self.heads = nn.ModuleList([make_head(hidden) for _ in range(NUM_HEADS)])

    def forward(self, tokens):
        h, _ = self.trunk(self.embed(tokens))
        return [head(h) for head in self.heads]


def shifted(tokens):
    usable = LENGTH - NUM_HEADS
    return tokens[:, :usable], [tokens[:, k + 1:k + 1 + usable] for k in range(NUM_HEADS)]


model = MedusaModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(14):
    model.train()
    per_head = np.zeros(NUM_HEADS)
    batches = torch.randperm(len(train_seq)).split(32)
    for idx in batches:
        inputs, targets = shifted(train_seq[idx])
        losses = [F.cross_entropy(out.flatten(0, 1), t.flatten()) for out, t in zip(model(inputs), targets)]
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        per_head += [v.item() for v in losses]
    print(f"epoch {epoch + 1:2d} loss per head " + " ".join(f"{v:.3f}" for v in per_head / len(batches)))

model.eval()
with torch.no_grad():
    inputs, targets = shifted(test_seq)
    accs = [(out.argmax(-1) == t).float().mean().item() for out, t in zip(model(inputs), targets)]
print("accuracy per head", [round(a, 3) for a in accs])
print(f"RESULT mean_head_accuracy {np.mean(accs):.4f}")
