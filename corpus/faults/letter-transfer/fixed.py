import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)

digits = load_digits()
images = torch.tensor((digits.images - digits.images.mean()) / digits.images.std(), dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)


class Net(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(128, 64), nn.ReLU(),
        )
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(net, optimizer, x, y, epochs, batch):
    loader = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
    for _ in range(epochs):
        net.train()
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


def score(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


# stage 1: the ten digits, plenty of examples
order = torch.randperm(len(images))
big, rest = order[:1200], order[1200:]
source = Net(10)
loss = fit(source, torch.optim.Adam(source.parameters(), lr=2e-3), images[big], labels[big], epochs=8, batch=64)
print(f"stage 1: loss {loss:.4f}  accuracy {score(source, images[rest], labels[rest]):.4f}")

# stage 2: odd or even above / below five: four groups, with eight examples each
group = 2 * (labels % 2) + (labels >= 5).long()
few = torch.cat([rest[group[rest] == g][:8] for g in range(4)])
test = rest[~torch.isin(rest, few)]
net = Net(4)
net.backbone.load_state_dict(source.backbone.state_dict())
optimizer = torch.optim.AdamW([
    {"params": net.backbone.parameters(), "lr": 1e-4},
    {"params": net.head.parameters(), "lr": 2e-2},
])
for part in range(6):
    loss = fit(net, optimizer, images[few], group[few], epochs=5, batch=8)
    print(f"stage 2, epoch {5 * part + 5}: loss {loss:.4f}  accuracy {score(net, images[test], group[test]):.4f}")

print("RESULT accuracy", round(score(net, images[test], group[test]), 4))
