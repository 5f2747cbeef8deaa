"""Momentum contrast on vibration records, judged by nearest neighbours on the frozen features."""
import argparse
import copy
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

PAIRS = torch.tensor([[2, 5], [3, 7], [4, 9], [2, 8], [5, 11], [3, 10], [6, 13], [4, 12]])
LENGTH = 64


def records(n):
    """Two tones a record; the pair of tones tells the state of the machine."""
    kind = torch.randint(0, len(PAIRS), (n,))
    time = torch.arange(LENGTH) / LENGTH
    angle = 2 * math.pi * (PAIRS[kind].unsqueeze(2) * time + torch.rand(n, 2, 1))
    size = torch.empty(n, 2, 1).uniform_(0.6, 1.2)
    return (size * angle.sin()).sum(1) + 0.3 * torch.randn(n, LENGTH), kind


def augment(x):
    shift = torch.randint(0, LENGTH, (len(x), 1))
    x = x.gather(1, (torch.arange(LENGTH) + shift) % LENGTH)
    x = x * torch.empty(len(x), 1).uniform_(0.7, 1.3)
    return x + 0.2 * torch.randn_like(x)


class Encoder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2, padding=3), nn.GroupNorm(4, 16), nn.GELU(),
            nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.GroupNorm(4, 32), nn.GELU(),
            nn.Conv1d(32, 32, 3, padding=1), nn.GELU())
        self.project = nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, dim))

    def features(self, x):
        return self.conv(x.unsqueeze(1)).mean(2)

    def forward(self, x):
        return F.normalize(self.project(self.features(x)), dim=1)


class MoCo(nn.Module):
    def __init__(self, queue_size, momentum, temperature, dim=32):
        super().__init__()
        self.m, self.t = momentum, temperature
        self.query = Encoder(dim)
        self.key = copy.deepcopy(self.query)
        for p in self.key.parameters():
            p.requires_grad = False
        self.register_buffer("queue", F.normalize(torch.randn(queue_size, dim), dim=1))
        self.ptr = 0

    @torch.no_grad()
    def follow(self):
        for q, k in zip(self.query.parameters(), self.key.parameters()):
            k.mul_(self.m).add_(q, alpha=1 - self.m)

    def forward(self, view_q, view_k):
        q = self.query(view_q)
        with torch.no_grad():
            self.follow()
            k = self.key(view_k)
        positive = (q * k).sum(1, keepdim=True)
        negative = q @ self.queue.clone().T
        logits = torch.cat([positive, negative], 1) / self.t
        with torch.no_grad():
            self.queue[self.ptr:self.ptr + len(k)] = k
            self.ptr = (self.ptr + len(k)) % len(self.queue)
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


def neighbours(encoder, bank, test):
    encoder.eval()
    with torch.no_grad():
        a, b = F.normalize(encoder.features(bank[0])), F.normalize(encoder.features(test[0]))
    knn = KNeighborsClassifier(5).fit(a.numpy(), bank[1].numpy())
    return knn.score(b.numpy(), test[1].numpy())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=16)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    args = ap.parse_args()
    torch.manual_seed(args.seed)

    unlabelled, bank, test = records(1600)[0], records(600), records(400)
    loader = DataLoader(TensorDataset(unlabelled), args.batch, shuffle=True, drop_last=True)
    model = MoCo(queue_size=512, momentum=0.99, temperature=0.1)
    optimizer = torch.optim.AdamW(model.query.parameters(), lr=args.lr, weight_decay=1e-4)
    print(f"before: {neighbours(model.query, bank, test):.4f}")
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for (x,) in loader:
            loss = model(augment(x), augment(x))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 4 == 0:
            print(f"epoch {epoch}: loss {total / len(loader):.4f} neighbours {neighbours(model.query, bank, test):.4f}")
    print("RESULT knn_accuracy", round(neighbours(model.query, bank, test), 4))


if __name__ == "__main__":
    main()
