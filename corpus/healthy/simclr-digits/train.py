"""Learn features without labels, then ask a linear probe how good they are."""
import argparse
import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--batch-size", type=int, default=128)
parser.add_argument("--temperature", type=float, default=0.3)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
Y = digits.target
order = torch.randperm(len(X))
train_idx, test_idx = order[:1400], order[1400:]


def augment(batch):
    padded = F.pad(batch, (1, 1, 1, 1))
    out = torch.empty_like(batch)
    shifts = torch.randint(0, 3, (len(batch), 2)).tolist()
    for i, (dy, dx) in enumerate(shifts):
        out[i] = padded[i, :, dy:dy + 8, dx:dx + 8]
    scale = 0.7 + 0.6 * torch.rand(len(batch), 1, 1, 1)
    return out * scale + 0.08 * torch.randn_like(out)


def nt_xent(z1, z2, t):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / t
    sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, target)


encoder = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.ReLU(),
    nn.Flatten(), nn.Linear(32 * 16, 64))
head = nn.Sequential(nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=args.lr, weight_decay=1e-4)


@torch.no_grad()
def probe():
    feats = encoder(X).numpy()
    clf = LogisticRegression(max_iter=1000, C=10.0).fit(feats[train_idx], Y[train_idx])
    return clf.score(feats[test_idx], Y[test_idx])


for epoch in range(args.epochs):
    total, count = 0.0, 0
    for idx in train_idx[torch.randperm(len(train_idx))].split(args.batch_size):
        z1, z2 = head(encoder(augment(X[idx]))), head(encoder(augment(X[idx])))
        loss = nt_xent(z1, z2, args.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total, count = total + loss.item(), count + 1
    print(f"epoch {epoch}: contrastive loss {total / count:.4f}")

print(f"RESULT probe_accuracy {probe():.4f}")
