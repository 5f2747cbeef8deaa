"""Transfer: a CNN pretrained on scans of one scanner is fine-tuned on a few scans of another."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

CONFIG = {
    "pretrain_epochs": 10,
    "finetune_epochs": 20,
    "lr_backbone": 2e-4,
    "lr_head": 3e-2,
    "shots_per_class": 3,
}


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 48, 3, padding=1)
        self.conv3 = nn.Conv2d(48, 64, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        return x.flatten(1)


class Classifier(nn.Module):
    def __init__(self, backbone, n_classes):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(256, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def load_data():
    d = load_digits()
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(d.target))
    x = torch.tensor(d.images[order] / 8.0 - 1.0, dtype=torch.float32)[:, None]
    x = x + 0.5 * torch.randn_like(x)
    y = torch.tensor(d.target[order])
    old, new = slice(0, 1200), slice(1200, None)
    x_new, y_new = 0.8 * x[new] + 0.2, y[new]
    keep = torch.cat([torch.nonzero(y_new == c)[: CONFIG["shots_per_class"], 0] for c in range(10)])
    rest = torch.ones(len(y_new), dtype=torch.bool)
    rest[keep] = False
    return (x[old], y[old]), (x_new[keep], y_new[keep]), (x_new[rest], y_new[rest])


def fit(model, data, optimizer, epochs, batch_size, scheduler=None, name=""):
    x, y = data
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch_size):
            loss = F.cross_entropy(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            total += loss.item() * len(idx)
        if (epoch + 1) % 3 == 0:
            print(f"{name} epoch {epoch + 1}: {total / len(x):.4f}")


source, few, test = load_data()
backbone = Backbone()
model = Classifier(backbone, 10)
fit(model, source, torch.optim.Adam(model.parameters(), lr=1e-3), CONFIG["pretrain_epochs"], 64, name="pretrain")

model.head = nn.Linear(256, 10)
optimizer = torch.optim.AdamW(
    [
        {"params": model.backbone.parameters(), "lr": CONFIG["lr_backbone"]},
        {"params": model.head.parameters(), "lr": CONFIG["lr_head"]},
    ]
)
steps = CONFIG["finetune_epochs"] * -(-len(few[0]) // 10)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=CONFIG["lr_head"], total_steps=steps)
fit(model, few, optimizer, CONFIG["finetune_epochs"], 10, scheduler, name="finetune")

model.eval()
with torch.no_grad():
    acc = (model(test[0]).argmax(1) == test[1]).float().mean().item()
print("RESULT test_acc", round(acc, 4))
