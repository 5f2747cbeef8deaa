import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_circles

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

X, y = make_circles(1500, noise=0.08, factor=0.5, random_state=SEED)
X = torch.tensor(X, dtype=torch.float32) / 0.6
y = torch.tensor(y)
Xtr, Xte, ytr, yte = X[:1200], X[1200:], y[:1200], y[1200:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc2 = nn.Linear(32, 32)
        self.fc3 = nn.Linear(32, 2)

    def forward(self, x):
        x = self.fc1(x)
        x = F.leaky_relu(x)
        x = self.fc2(x)
        x = F.leaky_relu(x)
        return self.fc3(x)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(30):
    for i in torch.randperm(len(Xtr)).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(Xtr[i]), ytr[i])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            print("epoch %d: train loss %.4f, test acc %.3f" % (epoch + 1, loss.item(), (net(Xte).argmax(1) == yte).float().mean()))

with torch.no_grad():
    acc = (net(Xte).argmax(1) == yte).float().mean().item()
print(f"RESULT test_acc {acc:.4f}")
