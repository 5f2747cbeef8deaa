import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
images = (images - 0.5) / 0.5
labels = torch.tensor(digits.target)
train_x, test_x, train_y, test_y = train_test_split(
    images, labels, test_size=0.25, stratify=digits.target, random_state=SEED
)
train_loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)


class BasicConv2d(nn.Module):
    def __init__(self, in_planes, out_planes, kernel_size, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, out_planes, kernel_size, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out_planes, eps=0.001, momentum=0.1, affine=True)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


class Block17(nn.Module):
    def __init__(self, planes, scale=0.5):
        super().__init__()
        self.scale = scale
        self.branch0 = BasicConv2d(planes, 16, 1)
        self.branch1 = nn.Sequential(BasicConv2d(planes, 16, 1), BasicConv2d(16, 16, 3, padding=1))
        self.conv2d = nn.Conv2d(32, planes, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        out = torch.cat([self.branch0(x), self.branch1(x)], 1)
        return self.relu(self.conv2d(out) * self.scale + x)


class InceptionResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            BasicConv2d(1, 12, 3, padding=1),
            BasicConv2d(12, 16, 3, padding=1),
            nn.MaxPool2d(2),
        )
        self.blocks = nn.Sequential(Block17(16), Block17(16))
        self.conv_last = BasicConv2d(16, 32, 3, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classif = nn.Linear(32 * 4, num_classes)

    def forward(self, x):
        x = self.conv_last(self.blocks(self.stem(x)))
        return self.classif(self.avgpool(x).flatten(1))


model = InceptionResNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(8):
    model.train()
    losses, right = 0.0, 0
    for x, y in train_loader:
        out = model(x)
        loss = criterion(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += loss.item() * len(y)
        right += (out.argmax(1) == y).sum().item()
    model.eval()
    with torch.no_grad():
        acc = (model(test_x).argmax(1) == test_y).float().mean().item()
    n = len(train_y)
    print(f"Epoch {epoch + 1}: train loss {losses / n:.4f} acc {right / n:.4f} | test acc {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
