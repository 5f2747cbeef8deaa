import math
import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

KEYS, DIM = 12, 8


def lookup(n):
    """Pairs of a key and a value; find the value whose key is asked for."""
    keys = torch.stack([torch.randperm(KEYS)[:6] for _ in range(n)])
    vals = torch.randint(0, DIM, (n, 6))
    ask = torch.randint(0, 6, (n,))
    rows = torch.arange(n)
    return keys, vals, keys[rows, ask], vals[rows, ask]


class Retriever(nn.Module):
    def __init__(self, d=64):
        super().__init__()
        self.key_emb, self.val_emb, self.ask_emb = nn.Embedding(KEYS, d), nn.Embedding(DIM, d), nn.Embedding(KEYS, d)
        self.q, self.k = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.out = nn.Linear(d, DIM)
        self.scale = 1 / math.sqrt(d)

    def forward(self, keys, vals, ask):
        q = self.q(self.ask_emb(ask)).unsqueeze(1)
        k = self.k(self.key_emb(keys))
        weights = F.softmax((q * k).sum(-1) * self.scale, dim=-1)
        return self.out((weights.unsqueeze(-1) * self.val_emb(vals)).sum(1))


net = Retriever()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for it in range(1, 601):
    *inputs, target = lookup(64)
    loss = F.cross_entropy(net(*inputs), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 60 == 0:
        print(f"{it:5d} {loss.item():.4f}")
with torch.no_grad():
    *inputs, target = lookup(1000)
    acc = (net(*inputs).argmax(1) == target).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
