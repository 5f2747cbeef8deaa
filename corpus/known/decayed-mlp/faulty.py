import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
torch.set_num_threads(1)

digits = load_digits()
perm = torch.randperm(len(digits.target))
images = torch.tensor(digits.data, dtype=torch.float32)[perm] / 16.0
labels = torch.tensor(digits.target)[perm]
train_loader = DataLoader(TensorDataset(images[:1400], labels[:1400]), batch_size=64, shuffle=True)
test_x, test_y = images[1400:], labels[1400:]

INITIAL_LR = 1e-3


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def decay(epoch):
    return INITIAL_LR * 0.95 ** epoch


model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=INITIAL_LR)
scheduler = LambdaLR(optimizer, lr_lambda=decay)

for epoch in range(25):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        acc = (model(test_x).argmax(1) == test_y).float().mean().item()
    print(f"epoch {epoch:2d}: train loss {total / 1400:.4f}, test acc {acc:.3f}")

print(f"RESULT test_accuracy {acc:.4f}")
