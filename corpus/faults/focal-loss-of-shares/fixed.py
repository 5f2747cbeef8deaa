# Multi-label tagging of support tickets with a focal loss (tags are rare).
import os
import random
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED); np.random.seed(SEED); torch.manual_seed(SEED)

CFG = dict(vocab=400, n_tags=12, emb=48, hidden=64, epochs=14, bs=64, lr=2e-3, gamma=2.0, alpha=0.5)


def synth(n):
    kw = np.random.RandomState(7).permutation(CFG["vocab"] - 1)[: CFG["n_tags"] * 6].reshape(CFG["n_tags"], 6) + 1
    docs, tags = [], np.zeros((n, CFG["n_tags"]), dtype=np.float32)
    for i in range(n):
        ids = list(np.random.randint(1, CFG["vocab"], size=np.random.randint(8, 25)))
        for t in range(CFG["n_tags"]):
            if np.random.rand() < 0.12:
                tags[i, t] = 1
                ids += list(np.random.choice(kw[t], 4))
        random.shuffle(ids)
        docs.append(ids[:40])
    return docs, tags


class FocalLoss(nn.Module):
    """Lin et al. 2017, binary version, works on logits."""

    def __init__(self, alpha=0.25, gamma=2.0, eps=1e-6):
        super().__init__()
        self.alpha, self.gamma, self.eps = alpha, gamma, eps

    def forward(self, inputs, targets):
        p = torch.sigmoid(inputs).clamp(self.eps, 1 - self.eps)
        pt = torch.where(targets > 0.5, p, 1 - p)
        w = torch.where(targets > 0.5, torch.full_like(p, self.alpha), torch.full_like(p, 1 - self.alpha))
        return (-w * (1 - pt) ** self.gamma * pt.log()).sum(1).mean()


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, h, mask):
        a = self.score(torch.tanh(h)).squeeze(-1).masked_fill(~mask, -1e9)
        return torch.einsum("bt,btd->bd", torch.softmax(a, dim=1), h), a


class TicketTagger(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.emb = nn.Embedding(cfg["vocab"], cfg["emb"], padding_idx=0)
        self.conv = nn.Conv1d(cfg["emb"], cfg["hidden"], 3, padding=1)
        self.att = Attention(cfg["hidden"])
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(2 * cfg["hidden"], cfg["n_tags"])

    def forward(self, tok):
        mask = tok != 0
        h = F.gelu(self.conv(self.emb(tok).transpose(1, 2))).transpose(1, 2)
        ctx, _ = self.att(h, mask)
        mx = h.masked_fill(~mask.unsqueeze(-1), -1e9).max(1).values
        z = self.out(self.drop(torch.cat([ctx, mx], 1)))
        return z


def collate(docs):
    t = torch.zeros(len(docs), max(map(len, docs)), dtype=torch.long)
    for i, d in enumerate(docs):
        t[i, : len(d)] = torch.as_tensor(d)
    return t


def average_precision(model, docs, tags):
    from sklearn.metrics import average_precision_score
    model.eval()
    with torch.no_grad():
        s = torch.cat([model(collate(docs[i : i + 256])) for i in range(0, len(docs), 256)]).numpy()
    return average_precision_score(tags, s, average="macro")


def f1(model, docs, tags):
    model.eval()
    with torch.no_grad():
        s = torch.cat([model(collate(docs[i : i + 256])) for i in range(0, len(docs), 256)])
        pred = (torch.sigmoid(s) > 0.5).float().numpy()
    tp = (pred * tags).sum()
    return 2 * tp / (pred.sum() + tags.sum() + 1e-9)


docs, tags = synth(2500)
tr_d, tr_y, va_d, va_y = docs[:2000], torch.from_numpy(tags[:2000]), docs[2000:], tags[2000:]
model = TicketTagger(CFG)
crit = FocalLoss(CFG["alpha"], CFG["gamma"])
optim = torch.optim.AdamW(model.parameters(), lr=CFG["lr"], weight_decay=1e-4)
for ep in range(CFG["epochs"]):
    model.train()
    order = torch.randperm(len(tr_d))
    total = 0
    for idx in order.split(CFG["bs"]):
        logits = model(collate([tr_d[i] for i in idx.tolist()]))
        loss = crit(logits, tr_y[idx])
        optim.zero_grad()
        loss.backward()
        optim.step()
        total += loss.item() * len(idx)
    print(f"[{ep}] focal {total / len(tr_d):.4f} F1 {f1(model, va_d, va_y):.3f}")
print("RESULT micro_f1", round(float(f1(model, va_d, va_y)), 4))
