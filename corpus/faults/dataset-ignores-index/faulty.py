import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class Digits(Dataset):
    def __init__(self, rows, size):
        d = load_digits()
        self.x = torch.tensor(d.data[rows] / 8 - 1, dtype=torch.float32)
        self.y = torch.tensor(d.target[rows])
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        index = index % 40
        return self.x[index], self.y[index]


perm = torch.randperm(1797).numpy()
train, test = Digits(perm[:1400], 1400), Digits(perm[1400:], 397)
model = nn.Sequential(nn.Linear(64, 40), nn.ELU(), nn.Linear(40, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    running = 0.0
    for xb, yb in DataLoader(train, batch_size=40, shuffle=True):
        opt.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        opt.step()
        running += loss.item() / 35
    print(f"epoch {epoch + 1}/10 loss {running:.4f}")
with torch.no_grad():
    acc = (model(test.x).argmax(1) == test.y).float().mean().item()
print(f"RESULT test_acc {acc:.4f}")
