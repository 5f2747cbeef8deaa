import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

D, HEADS, ROWS = 32, 4, 8


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.qkv, self.out = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.ff = nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), nn.Linear(2 * D, D))
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, D)
        x = x + self.drop(self.out(a))
        return x + self.drop(self.ff(self.n2(x)))


class RowReader(nn.Module):
    """A picture is read as eight rows; vectors may be put before them."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, D)
        self.place = nn.Parameter(0.1 * torch.randn(ROWS, D))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm = nn.LayerNorm(D)

    def forward(self, rows, prompts=None):
        x = self.embed(rows) + self.place
        if prompts is not None:
            x = torch.cat([prompts.expand(len(x), -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, -ROWS:].mean(dim=1)


d = load_digits()
x = torch.tensor(d.images / 8.0 - 1.0, dtype=torch.float32)
digit = torch.tensor(d.target)
order = torch.randperm(len(x))
x, digit = x[order], digit[order]
train = DataLoader(TensorDataset(x[:1250], digit[:1250]), batch_size=64, shuffle=True)
x_test, digit_test = x[1250:], digit[1250:]

# stage one: a reader of digits
reader, ten = RowReader(), nn.Linear(D, 10)
opt = torch.optim.AdamW([*reader.parameters(), *ten.parameters()], lr=3e-3, weight_decay=0.01)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 3e-3, total_steps=12 * len(train))
for epoch in range(12):
    reader.train()
    for xb, yb in train:
        loss = F.cross_entropy(ten(reader(xb)), yb)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        opt.step()
        sched.step()
reader.eval()
with torch.no_grad():
    print(f"reader: accuracy on ten digits {(ten(reader(x_test)).argmax(1) == digit_test).float().mean():.4f}")

# stage two: the reader stays as it is, four vectors and a head learn "odd or even"
reader.requires_grad_(False)
before = [p.clone() for p in reader.parameters()]
prompts = nn.Parameter(reader.embed(x[:4, 3]).detach().clone())
head = nn.Linear(D, 2)
opt = torch.optim.Adam([{"params": [prompts], "lr": 3e-2}, {"params": head.parameters(), "lr": 1e-2}])
for epoch in range(10):
    total = 0.0
    for xb, yb in train:
        loss = F.cross_entropy(head(reader(xb, prompts)), yb % 2)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / len(train)
    with torch.no_grad():
        acc = (head(reader(x_test, prompts)).argmax(1) == digit_test % 2).float().mean().item()
    if epoch % 3 == 0:
        print(f"prompts, epoch {epoch + 1}: loss {total:.4f} odd/even accuracy {acc:.4f}")

assert all(torch.equal(a, b) for a, b in zip(before, reader.parameters()))
print(f"RESULT parity_accuracy {acc:.4f}")
