import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class PreActBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.ln = nn.LayerNorm(dim)
        self.fc1 = nn.Linear(dim, dim)
        self.fc2 = nn.Linear(dim, dim)
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, x):
        return x + self.fc2(F.gelu(self.fc1(self.ln(x))))


class DeepNet(nn.Module):
    def __init__(self, depth=20, dim=32):
        super().__init__()
        self.stem = nn.Linear(64, dim)
        self.body = nn.Sequential(*(PreActBlock(dim) for _ in range(depth)))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 10))

    def forward(self, x):
        return self.head(self.body(self.stem(x)))


digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(digits.target)
perm = torch.randperm(len(y))
tr, va = perm[:1400], perm[1400:]
net = DeepNet()
EPOCHS, BATCH = 10, 50
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=2e-3, epochs=EPOCHS, steps_per_epoch=1400 // BATCH)
for epoch in range(EPOCHS):
    net.train()
    run = 0.0
    for idx in tr[torch.randperm(1400)].split(BATCH):
        loss = F.cross_entropy(net(x[idx]), y[idx], label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        run += loss.item()
    net.eval()
    with torch.no_grad():
        acc = (net(x[va]).argmax(1) == y[va]).float().mean().item()
    print(f"epoch {epoch + 1} loss {run / 28:.4f} val {acc:.4f} lr {sched.get_last_lr()[0]:.2e}")
print(f"RESULT val_acc {acc:.4f}")
