"""Ordinal regression (grades 0..4) with cumulative logits that share one score."""
import os
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))
GRADES = 5


def make_wine(n):
    x = torch.randn(n, 9)
    acidity, sugar, alcohol = x[:, 0], x[:, 1], x[:, 2]
    quality = 1.2 * alcohol - 0.8 * acidity ** 2 + 0.9 * torch.sin(2 * sugar) + 0.5 * x[:, 3] * x[:, 4] + 0.6 * torch.randn(n)
    cuts = torch.tensor([-2.0, -0.9, 0.2, 1.3])
    scale = torch.tensor([0.2, 14.0, 1.1, 30.0, 0.05, 3.0, 0.6, 9.0, 2.0])
    shift = torch.tensor([3.3, 6.0, 11.0, 115.0, 0.5, 10.0, 1.0, 35.0, 5.0])
    return x * scale + shift, torch.bucketize(quality, cuts)


class Standardize(nn.Module):
    def __init__(self, x):
        super().__init__()
        self.register_buffer("mean", x.mean(0))
        self.register_buffer("std", x.std(0))

    def forward(self, x):
        return (x - self.mean) / self.std


class OrdinalNet(nn.Module):
    def __init__(self, x_ref):
        super().__init__()
        self.body = nn.Sequential(Standardize(x_ref), nn.Linear(9, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1, bias=False))
        self.first = nn.Parameter(torch.tensor(-1.5))
        self.gaps = nn.Parameter(torch.full((GRADES - 2,), 0.5))

    def forward(self, x):
        thresholds = torch.cat([self.first[None], self.first + F.softplus(self.gaps).cumsum(0)])
        return self.body(x) - thresholds        # logit of P(grade > k)


def ordinal_loss(logits, grade):
    target = (grade[:, None] > torch.arange(GRADES - 1)).float()
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean()


def predict(model, x):
    return (model(x) > 0).sum(1)


x_train, g_train = make_wine(2500)
x_val, g_val = make_wine(600)
x_test, g_test = make_wine(1000)
model = OrdinalNet(x_train)
opt = torch.optim.Adam(model.parameters(), lr=8e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.93)

for epoch in range(25):
    model.train()
    train_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        loss = ordinal_loss(model(x_train[idx]), g_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        train_loss += loss.item() * len(idx)
    sched.step()
    model.eval()
    with torch.no_grad():
        val_loss = ordinal_loss(model(x_val), g_val).item()
        val_mae = (predict(model, x_val) - g_val).abs().float().mean().item()
    if epoch % 4 == 0:
        print(f"[{epoch:02d}] train {train_loss / len(x_train):.4f} val {val_loss:.4f} val MAE {val_mae:.3f}")

model.eval()
with torch.no_grad():
    mae = (predict(model, x_test) - g_test).abs().float().mean().item()
print(f"MAE of the median grade: {(g_train.median() - g_test).abs().float().mean().item():.3f}")
print("RESULT test_mae", round(mae, 4))
