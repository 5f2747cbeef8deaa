import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

BN_DECAY = 0.9


def batch_norm(channels):
    return nn.BatchNorm2d(channels, momentum=1.0 - BN_DECAY)


def separable(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False),
        batch_norm(cin),
        nn.ReLU6(),
        nn.Conv2d(cin, cout, 1, bias=False),
        batch_norm(cout),
        nn.ReLU6(),
    )


class MobileNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), batch_norm(16), nn.ReLU6())
        self.blocks = nn.Sequential(separable(16, 32), nn.MaxPool2d(2), separable(32, 64), separable(64, 64))
        self.logits = nn.Linear(64, classes)

    def forward(self, x):
        return self.logits(self.blocks(self.stem(x)).mean((2, 3)))


digits = load_digits()
perm = torch.randperm(len(digits.target))
images = torch.tensor(digits.images, dtype=torch.float32)[perm, None] / 16
labels = torch.tensor(digits.target)[perm]
train_loader = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=64, shuffle=True)

net = MobileNet()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    net.train()
    right = 0
    for x, y in train_loader:
        out = net(x)
        loss = criterion(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right += (out.argmax(1) == y).sum().item()
    net.eval()
    with torch.no_grad():
        pred = net(images[1400:]).argmax(1)
    test = (pred == labels[1400:]).float().mean().item()
    print(f"epoch {epoch + 1:2d} train accuracy {right / 1400:.3f} test accuracy {test:.3f} first labels {pred[:6].tolist()}")

print(f"RESULT test_accuracy {test:.4f}")
