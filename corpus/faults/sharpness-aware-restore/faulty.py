"""Sharpness-aware minimisation (own implementation) for handwritten digits with a small MLP-Mixer."""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class SAM(torch.optim.Optimizer):
    def __init__(self, params, base, rho=0.05, **kw):
        super().__init__(params, dict(rho=rho, **kw))
        self.base = base(self.param_groups, **kw)
        self.param_groups = self.base.param_groups

    @torch.no_grad()
    def ascend(self):
        norm = torch.stack([p.grad.norm() for g in self.param_groups for p in g["params"] if p.grad is not None]).norm()
        for g in self.param_groups:
            scale = g["rho"] / (norm + 1e-12)
            for p in g["params"]:
                if p.grad is None:
                    continue
                e = p.grad * scale
                p.add_(e)
                self.state[p]["e"] = e

    @torch.no_grad()
    def descend(self):
        for g in self.param_groups:
            for p in g["params"]:
                if p.grad is not None:
                    p.add_(self.state[p]["e"])
        self.base.step()

    def step(self, closure):
        loss = closure()
        self.ascend()
        self.zero_grad()
        with torch.enable_grad():
            closure()
        self.descend()
        self.zero_grad()
        return loss


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tok = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.ch = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.tok(self.n1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.ch(self.n2(x))


class Mixer(nn.Module):
    def __init__(self, dim=24, depth=2):
        super().__init__()
        self.patch = nn.Conv2d(1, dim, 2, 2)
        self.blocks = nn.Sequential(*[MixerBlock(16, dim) for _ in range(depth)])
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.blocks(x).mean(1))


def closure_for(model, x, y):
    def closure():
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss
    return closure


digits = load_digits()
X = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16 - 0.3
Y = torch.tensor(digits.target)
xa, xb, ya, yb = train_test_split(X, Y, test_size=0.3, random_state=0, stratify=Y)
model = Mixer()
opt = SAM(model.parameters(), torch.optim.SGD, rho=0.1, lr=0.02, momentum=0.9)
for epoch in range(6):
    tot = 0.0
    for idx in torch.randperm(len(xa)).split(32):
        loss = opt.step(closure_for(model, xa[idx], ya[idx]))
        tot += loss.item() * len(idx)
    with torch.no_grad():
        acc = (model(xb).argmax(1) == yb).float().mean().item()
    print(f"epoch {epoch} loss {tot / len(xa):.4f} acc {acc:.4f}")
print(f"RESULT acc {acc:.4f}")
