import os

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

BITS = 24
BATCH = 128

digits = load_digits()
x_db, x_q, y_db, y_q = train_test_split(
    (digits.data / 8.0 - 1.0).astype(np.float32), digits.target, test_size=0.2, random_state=seed, stratify=digits.target)
x_db, x_q = torch.from_numpy(x_db), torch.from_numpy(x_q)
y_db, y_q = torch.from_numpy(y_db), torch.from_numpy(y_q)


class Binarise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, torch.ones_like(x), -torch.ones_like(x))

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * (x.abs() <= 1.5)


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 128), nn.ReLU(),
            nn.Linear(128, BITS),
            nn.BatchNorm1d(BITS, affine=False),   # every bit is on for about half of the pictures
        )

    def forward(self, x):
        return Binarise.apply(self.body(x))


def pair_loss(codes, labels):
    """Codes of one class agree in nearly all bits, codes of two classes in about half of them."""
    n = len(codes)
    logit = codes @ codes.t() / 4.0 - 2.0
    same = (labels[:, None] == labels[None, :]).float()
    off = ~torch.eye(n, dtype=torch.bool)
    return binary_cross_entropy_with_logits(logit[off], same[off], pos_weight=torch.tensor(9.0))


@torch.no_grad()
def mean_average_precision(coder):
    coder.eval()
    db, q = coder(x_db), coder(x_q)
    hamming = (BITS - q @ db.t()) / 2
    order = hamming.argsort(dim=1, stable=True)
    rel = (y_db[order] == y_q[:, None]).float()
    precision = rel.cumsum(1) / torch.arange(1, rel.shape[1] + 1)
    ap = (precision * rel).sum(1) / rel.sum(1)
    return ap.mean().item(), (db.mean(0).abs() < 0.8).float().mean().item()


coder = Coder()
opt = torch.optim.Adam(coder.parameters(), lr=2e-3)

for epoch in range(30):
    coder.train()
    losses = []
    order = torch.randperm(len(x_db))
    for i in range(0, len(order) - BATCH + 1, BATCH):
        idx = order[i:i + BATCH]
        loss = pair_loss(coder(x_db[idx]), y_db[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        score, used = mean_average_precision(coder)
        print(f"epoch {epoch + 1}: pair loss {np.mean(losses):.4f}  mAP {score:.4f}  bits in use {used:.2f}")

score, _ = mean_average_precision(coder)
print(f"RESULT mean_average_precision {score:.4f}")
