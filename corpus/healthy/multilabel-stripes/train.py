import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, Dataset

SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
torch.set_num_threads(1)


class Scenes(Dataset):
    """Pictures that may hold a bar across, a bar down, a diagonal, a blob, a bright corner."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.tags = (rng.random((n, 5)) < np.array([0.4, 0.4, 0.25, 0.3, 0.15])).astype(np.float32)
        pics = 0.3 * rng.standard_normal((n, 12, 12)).astype(np.float32)
        for pic, tag in zip(pics, self.tags):
            if tag[0]:
                pic[rng.integers(0, 12)] += 1
            if tag[1]:
                pic[:, rng.integers(0, 12)] += 1
            if tag[2]:
                k = rng.integers(-3, 4)
                i = np.arange(max(0, -k), min(12, 12 - k))
                pic[i, i + k] += 1
            if tag[3]:
                r, c = rng.integers(1, 9, 2)
                pic[r:r + 3, c:c + 3] += 1
            if tag[4]:
                pic[:2, :2] += 1.5
        self.pics = pics

    def __len__(self):
        return len(self.pics)

    def __getitem__(self, i):
        return torch.from_numpy(self.pics[i])[None], torch.from_numpy(self.tags[i])


def conv(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


net = nn.Sequential(conv(1, 16), conv(16, 24), nn.MaxPool2d(2), conv(24, 32), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 5))
train_data, test_data = Scenes(2500, 10 + SEED), Scenes(600, 1000 + SEED)
rate = torch.from_numpy(train_data.tags.mean(0))
criterion = nn.BCEWithLogitsLoss(pos_weight=((1 - rate) / rate).clamp(max=4))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
train_loader = DataLoader(train_data, batch_size=50, shuffle=True)
test_loader = DataLoader(test_data, batch_size=200)


def evaluate():
    net.eval()
    pred, true = [], []
    with torch.no_grad():
        for x, t in test_loader:
            pred.append((net(x) > 0).numpy())
            true.append(t.numpy() > 0.5)
    return f1_score(np.concatenate(true), np.concatenate(pred), average="micro")


for epoch in range(8):
    net.train()
    total = 0
    for x, t in train_loader:
        opt.zero_grad()
        loss = criterion(net(x), t)
        loss.backward()
        opt.step()
        total += loss.item()
    print(f"Epoch {epoch + 1}/8 - loss: {total / len(train_loader):.4f} - val_f1: {evaluate():.4f}")

print(f"RESULT micro_f1 {evaluate():.4f}")
