import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))


class DigitFiles(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, k):
        img = torch.tensor(self.images[k], dtype=torch.float32).unsqueeze(0)
        if self.transform:
            img = self.transform(img)
        return img, int(self.labels[k])


def to_unit(img):
    return 1 - img / 8


d = load_digits()
perm = torch.randperm(1797).numpy()
images, labels = d.images[perm], d.target[perm]
train_ds = DigitFiles(images[:1400], labels[:1400], transform=to_unit)
test_ds = DigitFiles(images[1400:], labels[1400:], transform=to_unit)
net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.Tanh(), nn.Conv2d(16, 16, 3), nn.Tanh(), nn.Flatten(), nn.Linear(256, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(6):
    net.train()
    total = 0.0
    for x, y in DataLoader(train_ds, batch_size=40, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        total += loss.item() / 35
    print(f"epoch {epoch}: {total:.4f}")
net.eval()
with torch.no_grad():
    hits = sum((net(x).argmax(1) == y).sum().item() for x, y in DataLoader(test_ds, batch_size=100))
print(f"RESULT test_accuracy {hits / len(test_ds):.4f}")
