import math
import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

config = {
    "init_lr": 1.5e-4,
    "min_lr": 1e-6,
    "warmup_lr": 1e-7,
    "warmup_steps": 1000,
    "max_epoch": 80,
    "batch_size": 90,
    "weight_decay": 0.05,
}


def set_lr(optimizer, lr):
    for group in optimizer.param_groups:
        group["lr"] = lr


class LinearWarmupCosineLRScheduler:
    def __init__(self, optimizer, max_epoch, iters_per_epoch, min_lr, init_lr, warmup_steps, warmup_start_lr):
        self.optimizer = optimizer
        self.max_epoch = max_epoch
        self.iters_per_epoch = iters_per_epoch
        self.min_lr = min_lr
        self.init_lr = init_lr
        self.warmup_steps = warmup_steps
        self.warmup_start_lr = warmup_start_lr

    def step(self, cur_epoch, cur_step):
        total_cur_step = cur_epoch * self.iters_per_epoch + cur_step
        if total_cur_step < self.warmup_steps:
            part = cur_step / self.warmup_steps
            set_lr(self.optimizer, self.warmup_start_lr + (self.init_lr - self.warmup_start_lr) * part)
        else:
            part = total_cur_step / (self.max_epoch * self.iters_per_epoch)
            cosine = 0.5 * (1.0 + math.cos(math.pi * part))
            set_lr(self.optimizer, self.min_lr + (self.init_lr - self.min_lr) * cosine)


class Projector(nn.Module):
    def __init__(self, width=128):
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.proj = nn.Linear(64, width)
        self.mid = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        h = nn.functional.gelu(self.proj(self.norm(x)))
        h = nn.functional.gelu(self.mid(h))
        return self.head(h)


digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=SEED)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=config["batch_size"], shuffle=True)

model = Projector()
optimizer = torch.optim.AdamW(model.parameters(), lr=config["init_lr"], weight_decay=config["weight_decay"])
scheduler = LinearWarmupCosineLRScheduler(
    optimizer, config["max_epoch"], len(loader), config["min_lr"], config["init_lr"],
    config["warmup_steps"], config["warmup_lr"],
)

for epoch in range(config["max_epoch"]):
    model.train()
    total = 0.0
    for i, (xb, yb) in enumerate(loader):
        scheduler.step(cur_epoch=epoch, cur_step=i)
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    if (epoch + 1) % 10 == 0:
        model.eval()
        with torch.no_grad():
            acc = (model(X_test).argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch + 1}: lr {optimizer.param_groups[0]['lr']:.2e} "
              f"loss {total / len(X_train):.4f} test acc {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
