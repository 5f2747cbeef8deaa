import copy
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)


class Block(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class EMA:
    """Averaged copy of a model; weights are averaged, buffers are copied."""

    def __init__(self, model, decay=0.9):
        self.model = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for e, p in zip(self.model.parameters(), model.parameters()):
            e.mul_(self.decay).add_(p, alpha=1 - self.decay)
        for e, b in zip(self.model.buffers(), model.buffers()):
            e.copy_(b)


def shift(x):
    """Random translation by up to one pixel."""
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    return F.pad(x, (1, 1, 1, 1))[:, :, 1 + dy:9 + dy, 1 + dx:9 + dx]


images, labels = load_digits(return_X_y=True)
images = (images / 16.0).reshape(-1, 1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(images, labels, test_size=0.25, stratify=labels, random_state=seed)
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

net = nn.Sequential(Block(1, 12), nn.MaxPool2d(2), Block(12, 24), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10))
ema = EMA(net)
EPOCHS, BATCH = 9, 64
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
steps = EPOCHS * (len(X_train) // BATCH)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.1, total_steps=steps)


def accuracy(model):
    was_training = model.training
    model.eval()
    with torch.no_grad():
        acc = (model(X_test).argmax(1) == y_test).float().mean().item()
    model.train(was_training)
    return acc


for epoch in range(EPOCHS):
    net.train()
    order, total = torch.randperm(len(X_train)), 0.0
    for i in range(len(X_train) // BATCH):
        idx = order[i * BATCH:(i + 1) * BATCH]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(shift(X_train[idx]))
        loss = F.cross_entropy(logits.float(), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        ema.update(net)
        total += loss.item()
    print(f"epoch {epoch}: loss {total / (len(X_train) // BATCH):.4f}  net {accuracy(net):.4f}  ema {accuracy(ema.model):.4f}")

print("RESULT ema_test_accuracy", round(accuracy(ema.model), 4))
