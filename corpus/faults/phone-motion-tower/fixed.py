import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

model_cfg = dict(
    in_channels=3,
    width=24,
    depth=11,
    halve_at=5,
    num_classes=5,
    norm_eval=False,
)
train_cfg = dict(
    optimizer=dict(lr=0.05, momentum=0.9, weight_decay=1e-4),
    batch_size=32,
    max_epochs=12,
)


def record_motions(n, rng):
    """Accelerometer windows (3 axes, 64 samples): sit, walk, stairs, cycle, run."""
    cycles = np.array([0.0, 3.0, 5.0, 7.0, 10.0])
    axes = np.array([[0.2, 0.2, 0.2], [1.0, 0.4, 0.7], [0.8, 0.9, 0.3], [0.3, 1.0, 0.8], [1.0, 0.8, 1.0]])
    label = rng.integers(0, 5, size=n)
    t = np.arange(64) / 64.0
    phase = rng.uniform(0, 2 * np.pi, size=(n, 3, 1))
    f = (cycles[label] * rng.uniform(0.95, 1.05, size=n))[:, None, None]
    wave = axes[label][:, :, None] * np.sin(2 * np.pi * f * t[None, None, :] + phase)
    wave = 1.3 * wave + 0.4 * rng.normal(size=wave.shape)
    return torch.tensor(wave, dtype=torch.float32), torch.tensor(label)


class ConvModule(nn.Sequential):
    def __init__(self, n_in, n_out, kernel, stride=1):
        super().__init__(
            nn.Conv1d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(n_out),
            nn.ReLU(inplace=True),
        )


class MotionTower(nn.Module):
    def __init__(self, in_channels, width, depth, halve_at, num_classes, norm_eval=False):
        super().__init__()
        self.norm_eval = norm_eval
        self.stem = ConvModule(in_channels, width, 5, stride=2)
        self.tower = nn.Sequential(*[
            ConvModule(width, width, 3, stride=2 if i == halve_at else 1) for i in range(depth)
        ])
        self.cls = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.tower(self.stem(x))
        return self.cls(x.mean(dim=-1))

    def train(self, mode=True):
        super().train(mode)
        if mode and self.norm_eval:
            for m in self.modules():
                if isinstance(m, nn.BatchNorm1d):
                    m.eval()
        return self


class EpochRunner:
    def __init__(self, model, cfg):
        self.model, self.cfg = model, cfg
        self.optimizer = torch.optim.SGD(model.parameters(), **cfg["optimizer"])
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=cfg["max_epochs"])
        self.loss = nn.CrossEntropyLoss()

    def train(self, x, y):
        self.model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.cfg["batch_size"]):
            loss = self.loss(self.model(x[idx]), y[idx])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        self.schedule.step()
        return total / len(x)

    def val(self, x, y):
        self.model.eval()
        with torch.no_grad():
            return (self.model(x).argmax(1) == y).float().mean().item()

    def run(self, train_set, val_set):
        for epoch in range(self.cfg["max_epochs"]):
            loss = self.train(*train_set)
            top1 = self.val(*val_set)
            print(f"Epoch [{epoch + 1}/{self.cfg['max_epochs']}] loss: {loss:.4f}, top1: {top1:.4f}")
        return top1


if __name__ == "__main__":
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train_set, val_set = record_motions(960, rng), record_motions(300, rng)
    runner = EpochRunner(MotionTower(**model_cfg), train_cfg)
    print(f"RESULT top1 {runner.run(train_set, val_set):.4f}")
