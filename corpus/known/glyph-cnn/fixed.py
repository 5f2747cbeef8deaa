import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class GlyphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 2 * 2, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc(x))
        return self.out(x)


bunch = load_digits()
x = torch.tensor(bunch.images / 16.0, dtype=torch.float32)[:, None]
y = torch.tensor(bunch.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=400, random_state=SEED)

net = GlyphNet()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

for epoch in range(12):
    net.train()
    epoch_loss = 0.0
    for batch in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = loss_fn(net(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch) / len(x_train)
    net.eval()
    with torch.no_grad():
        acc = (net(x_test).argmax(1) == y_test).float().mean().item()
    print(f"[{epoch + 1:2d}] loss: {epoch_loss:.3f}  test accuracy: {acc:.3f}")

print(f"RESULT test_accuracy {acc:.4f}")
