"""Small transformer from scratch on associative recall: which token follows the marker?"""
import math
import os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
gen = torch.Generator().manual_seed(seed + 100)
torch.manual_seed(seed)

VOCAB, LENGTH = 12, 16


def make_batch(n):
    """Label = the token that stands right after the marker token 0 (associative recall)."""
    seq = torch.randint(4, VOCAB, (n, LENGTH), generator=gen)
    where = torch.randint(0, LENGTH - 1, (n,), generator=gen)
    rows = torch.arange(n)
    seq[rows, where] = 0
    return seq, seq[rows, where + 1] - 4


class RawAttention(nn.Module):
    """Multi-head attention with plain weight tensors."""

    def __init__(self, dim, heads):
        super().__init__()
        self.h, self.dh = heads, dim // heads
        self.wq = nn.Parameter(torch.randn(heads, dim, self.dh) / math.sqrt(dim))
        self.wk = nn.Parameter(torch.randn(heads, dim, self.dh) / math.sqrt(dim))
        self.wv = nn.Parameter(torch.randn(heads, dim, self.dh) / math.sqrt(dim))
        self.wo = nn.Parameter(torch.randn(heads, self.dh, dim) / math.sqrt(dim))

    def forward(self, x):
        q = torch.einsum("btd,hde->bhte", x, self.wq)
        k = torch.einsum("btd,hde->bhte", x, self.wk)
        v = torch.einsum("btd,hde->bhte", x, self.wv)
        att = (q @ k.transpose(-1, -2) / math.sqrt(self.dh)).softmax(-1)
        return torch.einsum("bhte,hed->btd", att @ v, self.wo)


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.att = RawAttention(dim, heads)
        self.ff = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        x = x + self.att(self.n1(x))
        return x + self.ff(self.n2(x))


class Recall(nn.Module):
    def __init__(self, dim=32, heads=2, layers=2):
        super().__init__()
        self.tok = nn.Parameter(0.02 * torch.randn(VOCAB, dim))
        self.pos = nn.Parameter(0.02 * torch.randn(LENGTH, dim))
        self.layers = nn.ModuleList([Layer(dim, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, VOCAB - 4)

    def forward(self, s):
        x = self.tok[s] + self.pos
        for l in self.layers:
            x = l(x)
        return self.head(self.norm(x).mean(1))


def configure_optimizer(model, lr, weight_decay):
    """Decay for matrices, none for biases and layer norms, as in minGPT."""
    decay, no_decay = [], []
    for mn, m in model.named_modules():
        for pn, p in m.named_parameters(recurse=False):
            if isinstance(m, nn.LayerNorm) or pn.endswith("bias"):
                no_decay.append(p)
            elif pn.endswith("weight"):
                decay.append(p)
    return torch.optim.AdamW([
        {"params": decay, "weight_decay": weight_decay},
        {"params": no_decay, "weight_decay": 0.0},
    ], lr=lr)


model = Recall()
opt = configure_optimizer(model, 4e-3, 0.01)
STEPS, WARM = 550, 50
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda s: min(1.0, (s + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * min(1.0, s / STEPS))))
x_val, y_val = make_batch(1000)
ema = None
for step in range(STEPS):
    s, y = make_batch(64)
    loss = F.cross_entropy(model(s), y)
    opt.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    sched.step()
    ema = loss.item() if ema is None else 0.95 * ema + 0.05 * loss.item()
    if (step + 1) % 50 == 0:
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"step {step + 1} loss {ema:.4f} val acc {acc:.3f}")
print(f"RESULT val_acc {acc:.4f}")
