import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

d = load_digits()
x = torch.tensor(d.images / 16, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean()) / x.std()
y = torch.tensor(d.target)
source = torch.nonzero(y < 6)[:, 0]
target = torch.nonzero(y >= 6)[:, 0]
target = target[torch.randperm(len(target))]
adapt_rows, test_rows = target[:160], target[160:]


def stage(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.Hardtanh(-2, 2))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(stage(1, 16), nn.MaxPool2d(2), stage(16, 32), nn.AvgPool2d(2), nn.Flatten())
        self.classifier = nn.Linear(128, 6)

    def forward(self, v):
        return self.classifier(self.features(v))


def loop(net, opt, rows, labels, epochs, batch, prepare):
    for epoch in range(epochs):
        net.train()
        prepare(net)
        total = 0.0
        for i in rows[torch.randperm(len(rows))].split(batch):
            loss = F.cross_entropy(net(x[i]), labels[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(i) / len(rows)
        if epoch % 4 == 0:
            print(f"  epoch {epoch} loss {total:.4f}")


def freeze_norms(net):
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.eval()
            m.requires_grad_(False)


net = Net()
print("source digits")
loop(net, torch.optim.Adam(net.parameters(), lr=2e-3), source, y, 8, 40, lambda n: None)
print("target digits")
net.classifier = nn.Linear(128, 4)
freeze_norms(net)
opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=2e-3)
loop(net, opt, adapt_rows, y - 6, 20, 16, freeze_norms)
net.eval()
with torch.no_grad():
    acc = (net(x[test_rows]).argmax(1) == y[test_rows] - 6).float().mean().item()
print(f"RESULT target_accuracy {acc:.4f}")
