import os

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

CLASSES = ["ground", "wall", "tree", "pole"]
POINTS, NEIGHBOURS = 256, 8


class LaserScenes(Dataset):
    """Scans of a street: every item is one scene of 256 points with a class for each point."""

    def __init__(self, n_scenes, rng):
        self.items = [self.describe(*self.scan(rng)) for _ in range(n_scenes)]

    @staticmethod
    def scan(rng):
        n_ground, n_wall, n_tree, n_pole = rng.multinomial(POINTS - 40, [0.42, 0.28, 0.19, 0.11]) + 10
        slope = rng.normal(0, 0.04)
        xy = rng.uniform(-5, 5, (n_ground, 2))
        ground = np.c_[xy, slope * xy[:, 0] + rng.normal(0, 0.05, n_ground)]
        angle, centre = rng.uniform(0, np.pi), rng.uniform(-3, 3, 2)
        along = rng.uniform(-3, 3, n_wall)
        wall = np.c_[centre[0] + along * np.cos(angle), centre[1] + along * np.sin(angle), rng.uniform(0, 3, n_wall)]
        wall += rng.normal(0, 0.05, wall.shape)
        tree = np.r_[rng.uniform(-4, 4, 2), 2.3] + rng.normal(0, 0.5, (n_tree, 3))
        pole = np.c_[rng.uniform(-4, 4, 2) + rng.normal(0, 0.05, (n_pole, 2)), rng.uniform(0, 4, n_pole)]
        label = np.repeat(np.arange(4), [n_ground, n_wall, n_tree, n_pole])
        reflect = np.array([0.3, 0.65, 0.45, 0.8])[label] + rng.normal(0, 0.12, POINTS)
        return np.vstack([ground, wall, tree, pole]), reflect, label

    @staticmethod
    def describe(xyz, reflect, label):
        xyz = torch.tensor(xyz, dtype=torch.float32)
        dist, nearest = torch.cdist(xyz[:, :2], xyz[:, :2]).topk(NEIGHBOURS, largest=False)
        heights = xyz[:, 2][nearest]
        feats = torch.stack(
            [
                (xyz[:, 0] - xyz[:, 0].mean()) / 5,
                (xyz[:, 1] - xyz[:, 1].mean()) / 5,
                xyz[:, 2],
                torch.tensor(reflect, dtype=torch.float32),
                heights.std(1),
                dist.mean(1),
            ],
            dim=1,
        )
        return feats, nearest, torch.tensor(label, dtype=torch.long)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def scene_norm(width):
    return nn.BatchNorm1d(width, track_running_stats=False)


class PointLabeller(nn.Module):
    def __init__(self, n_feats=6, n_classes=4):
        super().__init__()
        self.point = nn.Sequential(nn.Linear(n_feats, 32), scene_norm(32), nn.ReLU())
        self.mix = nn.Sequential(nn.Linear(64, 64), scene_norm(64), nn.ReLU(), nn.Linear(64, 32), scene_norm(32), nn.ReLU())
        self.head = nn.Linear(32, n_classes)

    def forward(self, feats, nearest):
        h = self.point(feats)
        around = h[nearest].max(dim=1).values
        return self.head(self.mix(torch.cat([h, around], dim=1)))


class Trainer:
    def __init__(self, model, train_set, test_set, lr=3e-3, epochs=6):
        self.model, self.epochs = model, epochs
        self.train_loader = DataLoader(train_set, batch_size=None, shuffle=True)
        self.test_loader = DataLoader(test_set, batch_size=None)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=lr, total_steps=epochs * len(train_set))
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for feats, nearest, label in self.train_loader:
            loss = self.criterion(self.model(feats, nearest), label)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            total += loss.item()
        return total / len(self.train_loader)

    @torch.no_grad()
    def test(self):
        self.model.eval()
        confusion = torch.zeros(4, 4)
        for feats, nearest, label in self.test_loader:
            guess = self.model(feats, nearest).argmax(1)
            confusion += torch.bincount(label * 4 + guess, minlength=16).reshape(4, 4)
        return confusion

    def run(self):
        for epoch in range(1, self.epochs + 1):
            loss = self.train_epoch()
            confusion = self.test()
            accuracy = (confusion.diag().sum() / confusion.sum()).item()
            print(f"epoch {epoch}: loss {loss:.4f} accuracy {accuracy:.4f}")
        iou = confusion.diag() / (confusion.sum(0) + confusion.sum(1) - confusion.diag())
        print("  ".join(f"{c} {v:.3f}" for c, v in zip(CLASSES, iou.tolist())))
        return accuracy


rng = np.random.default_rng(seed)
trainer = Trainer(PointLabeller(), LaserScenes(160, rng), LaserScenes(50, rng))
print("RESULT point_accuracy", round(trainer.run(), 4))
