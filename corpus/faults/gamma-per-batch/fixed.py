import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
order = torch.randperm(1797)
x = torch.tensor(digits.images / 16 - 0.3, dtype=torch.float32)[order].unsqueeze(1)
y = torch.tensor(digits.target)[order]
train = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=28, shuffle=True)


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3)
        self.f1, self.f2 = nn.Linear(16 * 16, 48), nn.Linear(48, 10)

    def forward(self, t):
        t = torch.tanh(self.c2(torch.tanh(self.c1(t))))
        return self.f2(torch.tanh(self.f1(t.flatten(1))))


net = LeNetish()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)
for epoch in range(12):
    net.train()
    loss_sum = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        acc = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss_sum / len(train):.4f} acc {acc:.4f}")
print(f"RESULT accuracy {acc:.4f}")
