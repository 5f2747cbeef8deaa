import os

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
Y = torch.tensor(iris.target)
perm = torch.randperm(150)
train, test = perm[:110], perm[110:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 16)
        self.b = nn.Linear(16, 3)

    def forward(self, x):
        return self.b(torch.sigmoid(self.a(x)))


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
MICRO, MACRO = 5, 20


def apply_update(seen):
    for p in net.parameters():
        p.grad /= seen
    optimizer.step()
    optimizer.zero_grad()


for epoch in range(120):
    seen, epoch_loss = 0, 0.0
    for idx in train[torch.randperm(len(train))].split(MICRO):
        loss = F.cross_entropy(net(X[idx]), Y[idx], reduction="sum")
        loss.backward()
        seen += len(idx)
        epoch_loss += loss.item()
        if seen >= MACRO:
            apply_update(seen)
            seen = 0
    if seen:
        apply_update(seen)
    if epoch % 20 == 19:
        print(f"epoch {epoch + 1:3d} mean loss {epoch_loss / len(train):.4f}")

with torch.no_grad():
    acc = (net(X[test]).argmax(1) == Y[test]).float().mean().item()
print(f"RESULT test_accuracy {acc:.4f}")
