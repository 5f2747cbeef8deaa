import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class TrainingArguments:
    epochs: int = 7
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    num_sanity_val_steps: int = 2
    seed: int = int(os.environ.get("SEED", 0))


def make_signals(n, rng, length=64):
    """Four kinds of machine vibration: sine, square, chirp and damped sine."""
    t = np.linspace(0, 1, length)
    xs, ys = [], []
    for _ in range(n):
        kind = rng.integers(4)
        f, ph = rng.uniform(3, 6), rng.uniform(0, 2 * np.pi)
        base = np.sin(2 * np.pi * f * t + ph)
        if kind == 1:
            base = np.sign(base)
        elif kind == 2:
            base = np.sin(2 * np.pi * (f + 4 * t) * t + ph)
        elif kind == 3:
            base = base * np.exp(-2 * t)
        sig = base + 0.35 * rng.standard_normal(length)
        xs.append((sig - sig.mean()) / sig.std())
        ys.append(kind)
    return torch.tensor(np.array(xs), dtype=torch.float32)[:, None], torch.tensor(ys)


class SignalNet(nn.Module):
    def __init__(self, width=16, depth=10, classes=4):
        super().__init__()
        layers = []
        for i in range(depth):
            layers += [nn.Conv1d(1 if i == 0 else width, width, 5, padding=2, stride=2 if i in (3, 6) else 1)]
            layers += [nn.BatchNorm1d(width), nn.ReLU()]
        self.backbone = nn.Sequential(*layers)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.backbone(x).mean(-1))


class Trainer:
    def __init__(self, model, args, train_ds, val_ds):
        self.model, self.args = model, args
        self.train_loader = DataLoader(train_ds, args.batch_size, shuffle=True, drop_last=True)
        self.val_loader = DataLoader(val_ds, 128)
        self.optimizer = torch.optim.AdamW(model.parameters(), args.learning_rate, weight_decay=args.weight_decay)

    @torch.no_grad()
    def validate(self, max_steps=None):
        self.model.eval()
        hits = count = 0
        for step, (x, y) in enumerate(self.val_loader):
            if step == max_steps:
                break
            hits += (self.model(x).argmax(1) == y).sum().item()
            count += len(y)
        return hits / count

    def training_step(self, batch):
        x, y = batch
        loss = F.cross_entropy(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def fit(self):
        self.validate(max_steps=self.args.num_sanity_val_steps)
        for epoch in range(self.args.epochs):
            self.model.train()
            losses = [self.training_step(batch) for batch in self.train_loader]
            print(f"epoch {epoch + 1}/{self.args.epochs} loss={np.mean(losses):.4f} val_acc={self.validate():.4f}")
        return self.validate()


args = TrainingArguments()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)
trainer = Trainer(SignalNet(), args, TensorDataset(*make_signals(640, rng)), TensorDataset(*make_signals(300, rng)))
print(f"RESULT val_acc {trainer.fit():.4f}")
