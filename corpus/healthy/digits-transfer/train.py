import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))


class Net(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU())
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]

# source task: 0-5, plenty of images
src = y <= 5
xs, ys = x[src], y[src]
net = Net(6)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(6):
    net.train()
    for idx in torch.randperm(len(xs) - 200).split(64):
        loss = F.cross_entropy(net(xs[idx]), ys[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"source epoch {epoch}: loss {loss.item():.4f} acc {accuracy(net, xs[-200:], ys[-200:]):.3f}")

# target task: 6-9, ten images of each digit; the convolutions stay as they are
xt, yt = x[~src], y[~src] - 6
few = torch.cat([torch.nonzero(yt == k).flatten()[:10] for k in range(4)])
held_out = torch.ones(len(xt), dtype=torch.bool)
held_out[few] = False

net.head = nn.Linear(64, 4)
for module in net.backbone[:7]:
    module.requires_grad_(False)
tuned = [{"params": net.backbone[8].parameters(), "lr": 3e-4}, {"params": net.head.parameters(), "lr": 3e-3}]
opt = torch.optim.Adam(tuned)
for epoch in range(40):
    net.eval()                      # the frozen batch norms keep the statistics of the source task
    order = few[torch.randperm(len(few))]
    total = 0.0
    for idx in order.split(10):
        loss = F.cross_entropy(net(xt[idx]), yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 4
    if epoch % 8 == 7:
        print(f"target epoch {epoch + 1}: loss {total:.4f} few-shot acc {accuracy(net, xt[few], yt[few]):.3f}")

print("RESULT held_out_accuracy", round(accuracy(net, xt[held_out], yt[held_out]), 4))
