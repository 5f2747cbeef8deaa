# Click-through prediction: about 4 % of the rows are clicks.
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import roc_auc_score
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rs = np.random.RandomState(SEED)

N, SITES, ADS, DAYPARTS = 24000, 30, 20, 6
site, ad, part = rs.randint(SITES, size=N), rs.randint(ADS, size=N), rs.randint(DAYPARTS, size=N)
age = rs.normal(size=N)
zs, za = rs.normal(size=(SITES, 3)), rs.normal(size=(ADS, 3))
logit = -4.4 + 0.9 * (zs[site] * za[ad]).sum(1) + 0.5 * age * (part >= 4) + 0.7 * rs.normal(size=SITES)[site]
p_true = 1 / (1 + np.exp(-logit))
click = rs.binomial(1, p_true)

cats = torch.tensor(np.stack([site, SITES + ad, SITES + ADS + part], 1))
dense = torch.tensor(age[:, None], dtype=torch.float32)
label = torch.tensor(click, dtype=torch.float32)
cut = int(0.75 * N)
print(f"clicks: {label[:cut].mean():.4f} of the training rows")


class WideDeep(nn.Module):
    def __init__(self, vocab, k=8):
        super().__init__()
        self.wide = nn.Embedding(vocab, 1)
        self.emb = nn.Embedding(vocab, k)
        nn.init.zeros_(self.wide.weight)
        nn.init.normal_(self.emb.weight, std=0.1)
        self.deep = nn.Sequential(nn.Linear(3 * k + 1, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, c, d):
        e = self.emb(c)
        fm = 0.5 * (e.sum(1).pow(2) - e.pow(2).sum(1)).sum(1)
        return self.wide(c).sum((1, 2)) + fm + self.deep(torch.cat([e.flatten(1), d], 1)).squeeze(1)


model = WideDeep(SITES + ADS + DAYPARTS)
with torch.no_grad():  # start at the base rate
    model.deep[-1].bias.fill_(torch.logit(label[:cut].mean()))
opt = torch.optim.Adagrad(model.parameters(), lr=0.05)
bce = nn.BCEWithLogitsLoss()
loader = DataLoader(TensorDataset(cats[:cut], dense[:cut], label[:cut]), batch_size=128, shuffle=True)
best, state, patience = 0.0, None, 0
val = slice(cut, cut + 3000)
test = slice(cut + 3000, N)
for epoch in range(10):
    model.train()
    run = 0.0
    for c, d, t in loader:
        loss = bce(model(c, d), t)
        opt.zero_grad()
        loss.backward()
        opt.step()
        run += loss.item() * len(t)
    model.eval()
    with torch.no_grad():
        z = model(cats[val], dense[val])
        auc = roc_auc_score(label[val], z)
    print(f"epoch {epoch} logloss {run / cut:.4f} val {bce(z, label[val]).item():.4f} val auc {auc:.4f}")
    if auc > best:
        best, patience = auc, 0
        state = {k: v.clone() for k, v in model.state_dict().items()}
    else:
        patience += 1
        if patience == 3:
            print("early stop")
            break
model.load_state_dict(state)
model.eval()
with torch.no_grad():
    final = roc_auc_score(label[test], model(cats[test], dense[test]))
print("auc of the true probabilities:", round(roc_auc_score(click[test], p_true[test]), 4))
print("RESULT auc", round(final, 4))
