# Mean-teacher style training: the averaged model is the one that is evaluated and shipped.
import copy
import os

import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class ConvBNAct(nn.Sequential):
    def __init__(self, cin, cout, stride=1):
        super().__init__(
            nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(cout),
            nn.SiLU(),
        )


class SmallNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = ConvBNAct(1, 16)
        self.body = nn.Sequential(ConvBNAct(16, 32, 2), ConvBNAct(32, 32), ConvBNAct(32, 64, 2), ConvBNAct(64, 64))
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean(dim=(2, 3)))


class ModelEMA:
    def __init__(self, model, decay=0.98):
        self.module = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.module.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for ema_v, v in zip(self.module.parameters(), model.parameters()):
            if not v.dtype.is_floating_point:
                continue
            ema_v.mul_(self.decay).add_(v.detach(), alpha=1 - self.decay)


def batches(x, y, size):
    order = torch.randperm(len(x))
    for chunk in order.split(size):
        yield x[chunk], y[chunk]


@torch.no_grad()
def accuracy(model, x, y):
    return (model(x).argmax(1) == y).float().mean().item()


digits = load_digits()
perm = np.random.permutation(len(digits.images))
x = torch.tensor(digits.images[perm] / 16.0, dtype=torch.float32)[:, None]
x = (x - 0.305) / 0.376
y = torch.tensor(digits.target[perm])
x_train, y_train, x_val, y_val = x[:1300], y[:1300], x[1300:], y[1300:]

model = SmallNet()
ema = ModelEMA(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)

for epoch in range(7):
    model.train()
    losses = []
    for xb, yb in batches(x_train, y_train, 64):
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update(model)
        losses.append(loss.item())
    print(f"epoch {epoch:02d} train loss {np.mean(losses):.4f} val acc (ema) {accuracy(ema.module, x_val, y_val):.4f}")

print("RESULT val_accuracy", round(accuracy(ema.module, x_val, y_val), 4))
