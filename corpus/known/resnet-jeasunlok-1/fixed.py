import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
np.random.seed(SEED)


class ToTensor:
    def __call__(self, img):
        return torch.from_numpy(img.astype(np.float32) / 255.0).permute(2, 0, 1)


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)

    def __call__(self, img):
        return (img - self.mean) / self.std


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, img):
        for t in self.transforms:
            img = t(img)
        return img


def get_transform(is_train=False):
    transforms = [ToTensor()]
    if is_train:
        transforms.append(Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return Compose(transforms)


class MyDataset(Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.transform(self.images[i]), int(self.labels[i])


def coloured_digits():
    """8x8 digits as RGB pictures with a tinted paper."""
    d = load_digits()
    order = np.random.permutation(len(d.target))
    ink = (d.images[order] / 16.0)[..., None]
    paper = np.random.uniform(0.45, 0.75, (len(ink), 1, 1, 3))
    pen = np.random.uniform(0.2, 0.45, (len(ink), 1, 1, 3))
    rgb = paper * (1 - ink) + pen * ink
    return (255 * rgb).round().astype(np.uint8), d.target[order]


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)
        self.bn2 = nn.BatchNorm2d(cout)
        self.short = nn.Conv2d(cin, cout, 1, stride) if stride != 1 or cin != cout else nn.Identity()

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.short(x))


class ResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.layers = nn.Sequential(Block(3, 16, 1), Block(16, 24, 2))
        self.fc = nn.Linear(24 * 16, num_classes)

    def forward(self, x):
        return self.fc(self.layers(x).flatten(1))


images, labels = coloured_digits()
train_dataset = MyDataset(images[:1300], labels[:1300], get_transform(is_train=True))
test_dataset = MyDataset(images[1300:], labels[1300:], get_transform(is_train=True))
train_loader = DataLoader(train_dataset, batch_size=32, shuffle=True)
test_loader = DataLoader(test_dataset, batch_size=100)

epochs = 9
model = ResNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=max(1, epochs // 3), gamma=0.5)
criterion = nn.CrossEntropyLoss()
for e in range(epochs):
    model.train()
    right, total_loss = 0, 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        out = model(x)
        loss = criterion(out, y)
        loss.backward()
        optimizer.step()
        right += (out.argmax(1) == y).sum().item()
        total_loss += loss.item() * len(y)
    scheduler.step()
    print(f"Epoch: {e + 1:03d} | train_loss: {total_loss / len(train_dataset):.4f} | train_acc1: {100 * right / len(train_dataset):.2f}%")

model.eval()
with torch.no_grad():
    hits = sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)
print(f"RESULT test_accuracy {hits / len(test_dataset):.4f}")
