import os

import torch
from torch import nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
x = torch.tensor(digits.images / 16.0 - 0.5, dtype=torch.float32).unsqueeze(1)
parity = torch.tensor(digits.target % 2)
y = torch.tensor(digits.target)
idx = torch.randperm(len(x))
train, test = idx[:1400], idx[1400:]


class SmallCNN(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 12, 3), nn.SiLU(), nn.Conv2d(12, 24, 3), nn.SiLU(), nn.Flatten(), nn.Linear(24 * 16, 48), nn.SiLU())
        self.head = nn.Linear(48, n_classes)

    def forward(self, v):
        return self.head(self.backbone(v))


def train_model(model, optimizer, target, epochs):
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        losses = []
        for batch in train[torch.randperm(len(train))].split(35):
            optimizer.zero_grad()
            loss = criterion(model(x[batch]), target[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"  epoch {epoch} loss {sum(losses) / len(losses):.4f}")


net = SmallCNN(2)
print("odd or even")
train_model(net, torch.optim.Adam(net.parameters(), lr=2e-3), parity, 5)

print("which digit")
for p in net.backbone.parameters():
    p.requires_grad = False
optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.05, momentum=0.9)
net.head = nn.Linear(48, 10)
train_model(net, optimizer, y, 12)
with torch.no_grad():
    acc = (net(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"RESULT digit_accuracy {acc:.4f}")
