import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

digits = load_digits()
order = np.random.default_rng(SEED).permutation(len(digits.images))
images = torch.tensor(digits.images[order] / 16.0, dtype=torch.float32).unsqueeze(1)
train_images, test_images = images[:1400], images[1400:]

BATCH = 64
EPOCHS = 20


def augment(x):
    """Shift by up to one pixel, change the contrast, add a little noise."""
    n = len(x)
    windows = F.pad(x, (1, 1, 1, 1)).unfold(2, 8, 1).unfold(3, 8, 1)
    dy, dx = torch.randint(0, 3, (n,)), torch.randint(0, 3, (n,))
    out = windows[torch.arange(n), :, dy, dx]
    out = out * (0.8 + 0.4 * torch.rand(n, 1, 1, 1))
    return out + 0.05 * torch.randn_like(out)


class ContrastiveHead(nn.Module):
    def __init__(self, temperature=0.2):
        super().__init__()
        self.criterion = nn.CrossEntropyLoss()
        self.temperature = temperature

    def forward(self, pos, neg):
        logits = torch.cat((pos, neg), dim=1) / self.temperature
        labels = torch.zeros(len(logits), dtype=torch.long)
        return self.criterion(logits, labels)


class SimCLR(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(512, 128), nn.ReLU(),
        )
        self.neck = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64))
        self.head = ContrastiveHead()

    @staticmethod
    def create_buffer(n):
        mask = 1 - torch.eye(n * 2, dtype=torch.uint8)
        pos_ind = (torch.arange(n * 2), 2 * torch.arange(n).unsqueeze(1).repeat(1, 2).view(-1))
        neg_mask = torch.ones((n * 2, n * 2 - 1), dtype=torch.uint8)
        neg_mask[pos_ind] = 0
        return mask, pos_ind, neg_mask

    def embed(self, img):
        return F.normalize(self.neck(self.backbone(img)), dim=1)

    def forward(self, views):
        img = torch.stack(views, dim=1).flatten(0, 1)
        z = self.embed(img)
        n = len(z) // 2
        s = z @ z.t()
        mask, pos_ind, neg_mask = self.create_buffer(n)
        s = torch.masked_select(s, mask == 1).reshape(len(s), -1)
        positive = s[pos_ind].unsqueeze(1)
        negative = torch.masked_select(s, neg_mask == 1).reshape(len(s), -1)
        return self.head(positive, negative)


def matching_accuracy(model):
    """Held-out pictures in groups of 64: is the second view of a picture the one nearest to its first view?"""
    model.eval()
    hits = total = 0
    with torch.no_grad():
        for chunk in test_images.split(BATCH):
            if len(chunk) < BATCH:
                continue
            sim = model.embed(augment(chunk)) @ model.embed(augment(chunk)).t()
            hits += (sim.argmax(1) == torch.arange(BATCH)).sum().item()
            total += BATCH
    return hits / total


model = SimCLR()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(EPOCHS):
    model.train()
    running, steps = 0.0, 0
    for idx in torch.randperm(len(train_images)).split(BATCH):
        if len(idx) < BATCH:
            continue
        loss = model([augment(train_images[idx]), augment(train_images[idx])])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        steps += 1
    print(f"epoch {epoch + 1:2d} loss {running / steps:.4f}")

acc = matching_accuracy(model)
print(f"RESULT view_matching_accuracy {acc:.4f}")
