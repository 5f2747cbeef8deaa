import os
import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
np.random.seed(seed)

DEPTH, WIDTH, EPOCHS = 30, 48, 10


class Residual(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, d, bias=False)
        self.down = nn.Linear(d, d, bias=False)
        nn.init.zeros_(self.down.weight)  # every block is the identity at first

    def forward(self, x):
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm(x))))


model = nn.Sequential(nn.Linear(64, WIDTH), *[Residual(WIDTH) for _ in range(DEPTH)], nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))
ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.98))
print(sum(p.numel() for p in model.parameters()), "parameters")

X, y = load_digits(return_X_y=True)
idx = np.random.permutation(len(X))
X = torch.tensor((X[idx] - 8) / 8, dtype=torch.float32)
y = torch.tensor(y[idx])
Xtr, ytr, Xva, yva = X[:1400], y[:1400], X[1400:], y[1400:]

decay = [p for p in model.parameters() if p.ndim > 1]
other = [p for p in model.parameters() if p.ndim <= 1]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": other, "weight_decay": 0.0}], lr=2e-3)
spe = -(-len(Xtr) // 64)
warm = torch.optim.lr_scheduler.LinearLR(opt, 0.01, 1.0, total_iters=2 * spe)
cos = torch.optim.lr_scheduler.CosineAnnealingLR(opt, (EPOCHS - 2) * spe)
sched = torch.optim.lr_scheduler.SequentialLR(opt, [warm, cos], milestones=[2 * spe])
ce = nn.CrossEntropyLoss(label_smoothing=0.1)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for b in torch.randperm(len(Xtr)).split(64):
        lam = float(np.random.beta(0.3, 0.3))
        j = b[torch.randperm(len(b))]
        out = model(lam * Xtr[b] + (1 - lam) * Xtr[j])
        loss = lam * ce(out, ytr[b]) + (1 - lam) * ce(out, ytr[j])
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        ema.update_parameters(model)
        total += loss.item() * len(b)
    model.eval()
    ema.eval()
    with torch.no_grad():
        raw = (model(Xva).argmax(1) == yva).float().mean().item()
        avg = (ema(Xva).argmax(1) == yva).float().mean().item()
    print(f"[{epoch + 1:02d}] mixup loss {total / len(Xtr):.3f}  val acc {raw:.4f}  ema {avg:.4f}")
print("RESULT ema_accuracy", round(avg, 4))
