import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def make_layers(width=16, depth=4):
    act = nn.ReLU()
    layers, channels = [], 1
    for i in range(depth):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), act]
        channels = width
        if i % 2 == 1:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self, width=16, classes=10):
        super().__init__()
        self.features = make_layers(width)
        self.classifier = nn.Linear(width * 2 * 2, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


digits = load_digits()
parts = train_test_split(digits.images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
x_train, x_test = [torch.tensor(p, dtype=torch.float32).unsqueeze(1) for p in parts[:2]]
y_train, y_test = [torch.tensor(p) for p in parts[2:]]
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=64)

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(12):
    net.train()
    total, hits = 0.0, 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        out = net(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
        hits += (out.argmax(1) == yb).sum().item()
    net.eval()
    test_hits = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            test_hits += (net(xb).argmax(1) == yb).sum().item()
    print(f"epoch {epoch + 1:2d}: loss {total / len(x_train):.4f}, train acc {hits / len(x_train):.4f}, "
          f"test acc {test_hits / len(x_test):.4f}")

print(f"RESULT test_accuracy {test_hits / len(x_test):.4f}")
