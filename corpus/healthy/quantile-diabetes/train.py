import os

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
QS = torch.tensor([0.1, 0.5, 0.9])

X, y = load_diabetes(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, random_state=SEED)
X_tr, X_va, y_tr, y_va = train_test_split(X_tr, y_tr, test_size=0.2, random_state=SEED)
sx, sy = StandardScaler().fit(X_tr), StandardScaler().fit(y_tr[:, None])
f = lambda a: torch.tensor(sx.transform(a), dtype=torch.float32)
g = lambda a: torch.tensor(sy.transform(a[:, None]), dtype=torch.float32)
X_tr, X_va, X_te = f(X_tr), f(X_va), f(X_te)
y_tr, y_va, y_te = g(y_tr), g(y_va), g(y_te)


class QuantileNet(nn.Module):
    """The median, and two positive distances from it, so that the quantiles cannot cross."""

    def __init__(self, d):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        mid, lo, hi = self.head(self.body(x)).split(1, dim=1)
        return torch.cat([mid - nn.functional.softplus(lo), mid, mid + nn.functional.softplus(hi)], dim=1)


def pinball(q_hat, target):
    e = target - q_hat                     # (N, 1) - (N, 3)
    return torch.maximum(QS * e, (QS - 1) * e).mean()


net = QuantileNet(10)
opt = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=6)
best, kept, bad = float("inf"), None, 0
for epoch in range(150):
    net.train()
    for idx in torch.randperm(len(X_tr)).split(32):
        opt.zero_grad()
        pinball(net(X_tr[idx]), y_tr[idx]).backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        tr, va = pinball(net(X_tr), y_tr).item(), pinball(net(X_va), y_va).item()
    plateau.step(va)
    if epoch % 15 == 0:
        print(f"{epoch:4d} train {tr:.4f} val {va:.4f} lr {opt.param_groups[0]['lr']:.1e}")
    if va < best - 1e-4:
        best, kept, bad = va, {k: v.clone() for k, v in net.state_dict().items()}, 0
    else:
        bad += 1
        if bad > 25:
            print("stopped at", epoch)
            break

net.load_state_dict(kept)
net.eval()
with torch.no_grad():
    q = net(X_te)
    inside = ((y_te >= q[:, :1]) & (y_te <= q[:, 2:])).float().mean().item()
    const = torch.quantile(y_tr, QS).expand(len(y_te), 3)
    skill = 1 - pinball(q, y_te).item() / pinball(const, y_te).item()
    r2 = 1 - ((q[:, 1:2] - y_te) ** 2).sum().item() / ((y_te - y_te.mean()) ** 2).sum().item()
print(f"80 % interval holds {inside:.3f} of the patients; R2 of the median {r2:.3f}")
print("RESULT pinball_skill", round(skill, 4))
