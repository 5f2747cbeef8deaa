import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
folders = [[img for img, t in zip(digits.images, digits.target) if t == c] for c in range(10)]
train_x, train_y, test_x, test_y = [], [], [], []
for c, files in enumerate(folders):
    for k, img in enumerate(files):
        (test_x if k % 5 == 0 else train_x).append(torch.tensor(img / 8 - 1, dtype=torch.float32))
        (test_y if k % 5 == 0 else train_y).append(c)
train_ds = TensorDataset(torch.stack(train_x).unsqueeze(1), torch.tensor(train_y))
test_ds = TensorDataset(torch.stack(test_x).unsqueeze(1), torch.tensor(test_y))
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
test_dl = DataLoader(test_ds, batch_size=100)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.fc1 = nn.Linear(12 * 36, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.elu(self.conv(x)).flatten(1)
        return self.fc2(F.elu(self.fc1(x)))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
for epoch in range(6):
    for i, (x, y) in enumerate(train_dl):
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        if i % 15 == 0:
            print(f"epoch {epoch} batch {i} loss {loss.item():.4f}")
with torch.no_grad():
    hits = sum((net(x).argmax(1) == y).sum().item() for x, y in test_dl)
print(f"RESULT accuracy {hits / len(test_ds):.4f}")
