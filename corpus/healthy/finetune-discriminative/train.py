import os
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    pretrain_epochs: int = 10
    finetune_epochs: int = 12
    batch_size: int = 32
    head_lr: float = 5e-3
    decay_per_block: float = 0.3
    warmup_steps: int = 25


cfg = Config()
torch.set_num_threads(1)
torch.manual_seed(cfg.seed)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.1))
        self.block2 = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.LeakyReLU(0.1), nn.MaxPool2d(2))
        self.block3 = nn.Sequential(nn.Flatten(), nn.Linear(32 * 16, 64), nn.LeakyReLU(0.1))

    def forward(self, x):
        return self.block3(self.block2(self.block1(x)))


def run_epochs(model, loader, optimizer, epochs, name, scheduler=None):
    for epoch in range(epochs):
        model.train()
        seen, total = 0, 0.0
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if scheduler:
                scheduler.step()
            seen, total = seen + len(y), total + loss.item() * len(y)
        if epoch % 3 == 0:
            print(f"{name} epoch {epoch} loss {total / seen:.4f}")


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    hits = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return hits / len(loader.dataset)


digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8.0 - 1.0
labels = torch.tensor(digits.target)
low = labels < 5
source = TensorDataset(images[low], labels[low])
target = TensorDataset(images[~low], labels[~low] - 5)
small, rest = random_split(target, [300, len(target) - 300])

backbone = Backbone()
model = nn.Sequential(backbone, nn.Linear(64, 5))
run_epochs(model, DataLoader(source, cfg.batch_size, shuffle=True), optim.Adam(model.parameters(), lr=1e-3), cfg.pretrain_epochs, "pretrain")

model[1] = nn.Linear(64, 5)
groups = [{"params": model[1].parameters(), "lr": cfg.head_lr}]
lr = cfg.head_lr
for block in (backbone.block3, backbone.block2, backbone.block1):
    lr *= cfg.decay_per_block
    groups.append({"params": block.parameters(), "lr": lr})
optimizer = optim.AdamW(groups, weight_decay=0.01)
warmup = optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / cfg.warmup_steps))
run_epochs(model, DataLoader(small, cfg.batch_size, shuffle=True), optimizer, cfg.finetune_epochs, "finetune", warmup)
print(f"RESULT target_accuracy {accuracy(model, DataLoader(rest, 256)):.4f}")
