"""Eight assays on three thousand molecules. Most molecules were sent to some of the assays only, so more than half of
the labels are missing. Molecules come as bags of substructure ids, an id as often as the substructure occurs."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

MOLECULES, SUBSTRUCTURES, ASSAYS = 3000, 64, 8


def screening_results():
    rates = rng.uniform(0.2, 1.5, SUBSTRUCTURES)
    counts = rng.poisson(rates, (MOLECULES, SUBSTRUCTURES))
    z = (counts - rates) / np.sqrt(rates)
    rows = []
    for assay in range(ASSAYS):
        matter = rng.choice(SUBSTRUCTURES, 5, replace=False)
        effect = rng.uniform(0.6, 1.2, 5) * rng.choice([-1, 1], 5)
        potency = z[:, matter] @ effect + 0.3 * rng.standard_normal(MOLECULES)
        active = potency > np.quantile(potency, 1 - rng.uniform(0.15, 0.35))
        tested = np.flatnonzero(rng.random(MOLECULES) < 0.45)
        rows.append(pd.DataFrame({"molecule": tested, "assay": f"A{assay}", "active": active[tested].astype(float)}))
    return counts, pd.concat(rows, ignore_index=True)


class Screen(Dataset):
    def __init__(self, counts, labels):
        self.bags = [torch.tensor(np.repeat(np.arange(SUBSTRUCTURES), c)) for c in counts]
        self.labels = torch.tensor(labels, dtype=torch.float32)

    def __len__(self):
        return len(self.bags)

    def __getitem__(self, i):
        return self.bags[i], self.labels[i]


def collate(items):
    bags, labels = zip(*items)
    lengths = torch.tensor([len(b) for b in bags])
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)[:-1]])
    return torch.cat(bags), offsets, torch.stack(labels)


class AssayNet(nn.Module):
    def __init__(self, base_rate, width=32):
        super().__init__()
        self.embed = nn.EmbeddingBag(SUBSTRUCTURES, width, mode="sum")
        nn.init.normal_(self.embed.weight, std=0.1)
        self.mix = nn.Linear(width, width)
        self.out = nn.Linear(width, ASSAYS)
        # start by saying the base rate of each assay, whatever the molecule
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.logit(base_rate))

    def forward(self, ids, offsets):
        return self.out(F.relu(self.mix(self.embed(ids, offsets))))


def masked_bce(logits, labels):
    known = ~torch.isnan(labels)
    each = F.binary_cross_entropy_with_logits(logits, torch.nan_to_num(labels), reduction="none")
    return (each * known).sum() / known.sum()


def mean_auc(model, loader):
    model.eval()
    logits, labels = [], []
    with torch.no_grad():
        for ids, offsets, y in loader:
            logits.append(model(ids, offsets))
            labels.append(y)
    logits, labels = torch.cat(logits).numpy(), torch.cat(labels).numpy()
    aucs = []
    for a in range(ASSAYS):
        known = ~np.isnan(labels[:, a])
        aucs.append(roc_auc_score(labels[known, a], logits[known, a]))
    return float(np.mean(aucs))


counts, results = screening_results()
table = results.pivot(index="molecule", columns="assay", values="active").reindex(range(MOLECULES))
print(f"{table.isna().to_numpy().mean():.0%} of the labels are missing")
labels = table.to_numpy(dtype=float)

cut = int(0.8 * MOLECULES)  # rows are independent of each other, in no order
train_loader = DataLoader(Screen(counts[:cut], labels[:cut]), batch_size=50, shuffle=True, collate_fn=collate)
test_loader = DataLoader(Screen(counts[cut:], labels[cut:]), batch_size=200, collate_fn=collate)

model = AssayNet(torch.tensor(np.nanmean(labels[:cut], axis=0), dtype=torch.float32))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
for epoch in range(1, 15):
    model.train()
    losses = []
    for ids, offsets, y in train_loader:
        loss = masked_bce(model(ids, offsets), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} test auc {mean_auc(model, test_loader):.4f}")

print("RESULT mean_auc", round(mean_auc(model, test_loader), 4))
