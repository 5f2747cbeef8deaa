import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.down = None
        if stride != 1 or cin != cout:
            self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride=stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        identity = x if self.down is None else self.down(x)
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + identity)


class ResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.layer1 = BasicBlock(8, 8)
        self.layer2 = BasicBlock(8, 16, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, num_classes)

    def forward(self, x):
        x = self.layer2(self.layer1(self.stem(x)))
        feature1 = x
        x = self.avgpool(x)
        x = x.view(x.size(0), -1)
        x = F.dropout(x, p=0.5, training=self.training)
        feature2 = x
        x = self.fc(x)
        return x, feature1, feature2


digits = load_digits()
images = (digits.images / 16.0 - 0.3) / 0.38
xtr, xte, ytr, yte = train_test_split(images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
xtr, xte = [torch.tensor(a, dtype=torch.float32).unsqueeze(1) for a in (xtr, xte)]
ytr, yte = torch.tensor(ytr), torch.tensor(yte)
trainloader = DataLoader(TensorDataset(xtr, ytr), batch_size=16, shuffle=True)
testloader = DataLoader(TensorDataset(xte, yte), batch_size=64)

net = ResNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[8], gamma=0.1)

for epoch in range(10):
    net.train()
    total = 0.0
    for img, label in trainloader:
        optimizer.zero_grad()
        logits, _, _ = net(img)
        loss = criterion(logits, label)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(label)
    scheduler.step()

    net.eval()
    correct = 0
    with torch.no_grad():
        for img, label in testloader:
            logits, _, _ = net(img)
            correct += (logits.argmax(1) == label).sum().item()
    acc = correct / len(yte)
    print(f"epoch:{epoch} - train loss: {total / len(ytr):.3f} test acc: {acc:.3f} [{correct}/{len(yte)}]")

print(f"RESULT test_accuracy {acc:.4f}")
