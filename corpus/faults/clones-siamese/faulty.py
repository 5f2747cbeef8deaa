import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
gen = torch.Generator().manual_seed(SEED)

DIM, FACTORS, NUISANCE = 40, 6, 12
MIX = torch.randn(FACTORS + NUISANCE, DIM, generator=gen) / 3


def clones(module, n):
    """Produce n towers (cf. The Annotated Transformer)."""
    return nn.ModuleList([copy.deepcopy(module) for _ in range(n)])


def observe(identity):
    """An observation of an object: its identity factors plus viewing conditions, mixed."""
    nuis = 0.6 * torch.randn(len(identity), NUISANCE, generator=gen)
    return torch.tanh(torch.cat([identity, nuis], 1) @ MIX) + 0.05 * torch.randn(len(identity), DIM, generator=gen)


class Tower(nn.Module):
    def __init__(self, out=16):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(DIM, 64), nn.ReLU(), nn.Linear(64, out))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


class SiameseMatcher(nn.Module):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.towers = clones(Tower(), 2)
        self.temperature = temperature

    def encode(self, x):
        return self.towers[0](x)

    def forward(self, a, b):
        za, zb = self.towers[0](a), self.towers[1](b)
        return za @ zb.T / self.temperature


def info_nce(logits):
    target = torch.arange(len(logits))
    return F.cross_entropy(logits, target)


@torch.no_grad()
def retrieval(model, n=300):
    model.eval()
    identity = torch.randn(n, FACTORS, generator=gen)
    gallery, query = observe(identity), observe(identity)
    sim = model.encode(query) @ model.encode(gallery).T
    return (sim.argmax(1) == torch.arange(n)).float().mean().item()


train_identity = torch.randn(400, FACTORS, generator=gen)
first, second = observe(train_identity), observe(train_identity)

model = SiameseMatcher()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
for epoch in range(60):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(first)).split(80):
        loss = info_nce(model(first[idx], second[idx]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if (epoch + 1) % 10 == 0:
        print(f"epoch {epoch + 1}: info-nce {total / len(first):.4f}")

print(f"RESULT recall_at_1 {sum(retrieval(model) for _ in range(5)) / 5:.4f}")
