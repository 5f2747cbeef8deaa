import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32) / 16
full = TensorDataset(x.half(), torch.tensor(y))
train_set, test_set = random_split(full, [1400, len(full) - 1400])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

net = nn.Sequential(
    nn.Linear(64, 128),
    nn.ReLU(),
    nn.Linear(128, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
).half()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.999))


def evaluate():
    net.eval()
    good = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            good += (net(xb).float().argmax(1) == yb).sum().item()
    return good / len(test_set)


for epoch in range(10):
    net.train()
    mean_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(xb).float(), yb)
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() / len(train_loader)
    print(f"epoch {epoch:2d}  loss {mean_loss:.4f}  test accuracy {evaluate():.4f}")

print(f"RESULT test_accuracy {evaluate():.4f}")
