import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

raw = load_digits()
pictures = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16
dataset = TensorDataset(pictures, torch.tensor(raw.target))
train_set, test_set = random_split(dataset, [1400, len(dataset) - 1400])
train_loader = DataLoader(train_set, batch_size=32)
test_loader = DataLoader(test_set, batch_size=len(test_set))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


model = LeNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for step in range(600):
    images, labels = next(iter(train_loader))
    loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (step + 1) % 100 == 0:
        with torch.no_grad():
            x, y = next(iter(test_loader))
            accuracy = (model(x).argmax(1) == y).float().mean().item()
        print(f"step {step + 1}  loss {loss.item():.4f}  test accuracy {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")
