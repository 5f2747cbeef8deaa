"""Click model trained in one pass over a stream of impressions, each batch is scored before it is learned."""
import os

import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

USERS, ADS, HOURS, DEVICES = 100, 40, 24, 3


class World:
    def __init__(self, gen):
        self.gen = gen
        self.taste = torch.randn(USERS, 4, generator=gen)
        self.theme = torch.randn(ADS, 4, generator=gen)
        self.appeal = 0.7 * torch.randn(ADS, generator=gen)
        self.device = torch.tensor([0.3, 0.0, -0.4])

    def impressions(self, n):
        user = torch.randint(USERS, (n,), generator=self.gen)
        ad = torch.randint(ADS, (n,), generator=self.gen)
        hour = torch.randint(HOURS, (n,), generator=self.gen)
        device = torch.randint(DEVICES, (n,), generator=self.gen)
        logit = (
            -0.8 + 0.5 * (self.taste[user] * self.theme[ad]).sum(1) + self.appeal[ad]
            + 0.4 * torch.sin(2 * torch.pi * hour / HOURS) + self.device[device]
        )
        click = (torch.rand(n, generator=self.gen) < torch.sigmoid(logit)).float()
        return torch.stack([user, ad, hour, device], dim=1), click


class ImpressionStream(IterableDataset):
    def __init__(self, world, batches, size):
        self.world, self.batches, self.size = world, batches, size

    def __iter__(self):
        for _ in range(self.batches):
            yield self.world.impressions(self.size)


class FactorizationMachine(nn.Module):
    def __init__(self, fields, dim=8):
        super().__init__()
        self.linear = nn.ModuleList([nn.Embedding(n, 1) for n in fields])
        self.factors = nn.ModuleList([nn.Embedding(n, dim) for n in fields])
        self.bias = nn.Parameter(torch.zeros(1))
        for emb in self.linear:
            nn.init.zeros_(emb.weight)
        for emb in self.factors:
            nn.init.normal_(emb.weight, std=0.15)

    def forward(self, ids):
        first = sum(emb(ids[:, i]) for i, emb in enumerate(self.linear)).squeeze(1)
        v = torch.stack([emb(ids[:, i]) for i, emb in enumerate(self.factors)], dim=1)
        pairs = 0.5 * (v.sum(1) ** 2 - (v ** 2).sum(1)).sum(1)
        return self.bias + first + pairs


world = World(torch.Generator().manual_seed(SEED))
loader = DataLoader(ImpressionStream(world, batches=700, size=250), batch_size=None)
model = FactorizationMachine([USERS, ADS, HOURS, DEVICES])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

window = []
for step, (ids, click) in enumerate(loader, start=1):
    logits = model(ids)
    loss = F.binary_cross_entropy_with_logits(logits, click)
    window.append(loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"{step * 250:7d} impressions | progressive log loss {sum(window) / len(window):.4f}")
        window = []

model.eval()
ids, click = world.impressions(20000)
with torch.no_grad():
    logits = model(ids)
base = click.mean()
entropy = -(base * base.log() + (1 - base) * (1 - base).log()).item()
final = F.binary_cross_entropy_with_logits(logits, click).item()
print(f"next 20000 impressions: log loss {final:.4f}, of the base rate {entropy:.4f}")
print(f"RESULT test_auc {roc_auc_score(click.numpy(), logits.numpy()):.4f}")
