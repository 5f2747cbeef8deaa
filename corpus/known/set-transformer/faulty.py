import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def make_set(kind):
    n = rng.integers(8, 25)
    if kind == 0:
        angle = rng.uniform(0, 2 * np.pi, n)
        pts = np.stack([np.cos(angle), np.sin(angle)], 1)
    elif kind == 1:
        along = rng.uniform(-1.6, 1.6, n)
        axis = rng.integers(0, 2, n)
        pts = np.stack([along * (axis == 0), along * (axis == 1)], 1)
    else:
        pts = 0.35 * rng.standard_normal((n, 2))
    turn = rng.uniform(0, 2 * np.pi)
    rot = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    pts = pts @ rot + 0.08 * rng.standard_normal((n, 2))
    return torch.tensor(pts, dtype=torch.float32)


kinds = rng.integers(0, 3, 1200)
sets = [make_set(k) for k in kinds]
labels = torch.tensor(kinds)
N_TRAIN = 900


def pad_packed(x, lengths):
    return pad_sequence(list(x.split(lengths)), batch_first=True)


def pack_padded(x, lengths):
    valid = torch.arange(x.size(1)) < torch.tensor(lengths).unsqueeze(1)
    return x[valid]


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.d_head = d_model // num_heads
        self.proj_q = nn.Linear(d_model, d_model)
        self.proj_k = nn.Linear(d_model, d_model)
        self.proj_v = nn.Linear(d_model, d_model)
        self.proj_o = nn.Linear(d_model, d_model)

    def forward(self, x, lengths):
        shape = (-1, self.num_heads, self.d_head)
        queries = pad_packed(self.proj_q(x).view(shape), lengths)
        keys = pad_packed(self.proj_k(x).view(shape), lengths)
        values = pad_packed(self.proj_v(x).view(shape), lengths)
        e = torch.einsum("bxhd,byhd->bhxy", queries, keys)
        e = e / np.sqrt(self.d_head)
        mask = torch.zeros(len(lengths), max(lengths), max(lengths))
        for i, n in enumerate(lengths):
            mask[i, :n, :n].fill_(1)
        e = e.masked_fill(mask.unsqueeze(1) == 0, -float("inf"))
        alpha = torch.softmax(e, dim=-1)
        out = torch.einsum("bhxy,byhd->bxhd", alpha, values)
        out = pack_padded(out, lengths)
        return self.proj_o(out.reshape(len(out), -1))


class SetAttentionBlock(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.mha = MultiHeadAttention(d_model, num_heads)
        self.ffn = nn.Sequential(nn.Linear(d_model, 2 * d_model), nn.ReLU(), nn.Linear(2 * d_model, d_model))
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x, lengths):
        x = self.norm1(x + self.mha(x, lengths))
        return self.norm2(x + self.ffn(x))


class SetTransformer(nn.Module):
    def __init__(self, d_model=32, num_heads=4, n_classes=3):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(2, d_model), nn.ReLU(), nn.Linear(d_model, d_model))
        self.block = SetAttentionBlock(d_model, num_heads)
        self.classify = nn.Linear(d_model, n_classes)

    def forward(self, x, lengths):
        h = self.block(self.embed(x), lengths)
        pooled = torch.stack([part.mean(0) for part in h.split(lengths)])
        return self.classify(pooled)


def collate(indices):
    picked = [sets[i] for i in indices]
    return torch.cat(picked), [len(p) for p in picked]


model = SetTransformer()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(15):
    model.train()
    total = 0.0
    for idx in torch.randperm(N_TRAIN).split(32):
        x, lengths = collate(idx.tolist())
        loss = F.cross_entropy(model(x, lengths), labels[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        x, lengths = collate(range(N_TRAIN, len(sets)))
        acc = (model(x, lengths).argmax(1) == labels[N_TRAIN:]).float().mean().item()
    print(f"epoch {epoch + 1:2d} | loss {total / N_TRAIN:.4f} | test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
