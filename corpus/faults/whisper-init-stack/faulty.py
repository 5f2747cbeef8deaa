import os
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
perm = torch.randperm(1797)
X = torch.tensor(digits.data / 8 - 1, dtype=torch.float32)[perm]
Y = torch.tensor(digits.target)[perm]


def init_weights(m):
    if isinstance(m, nn.Linear):
        torch.nn.init.normal_(m.weight, std=0.001)
        m.bias.data.fill_(0.0)


net = nn.Sequential(
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 64), nn.Tanh(),
    nn.Linear(64, 10),
)
net.apply(init_weights)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(15):
    running = 0.0
    for idx in torch.randperm(1400).split(35):
        opt.zero_grad()
        loss = loss_fn(net(X[idx]), Y[idx])
        loss.backward()
        opt.step()
        running += loss.item() / 40
    if epoch % 2 == 0:
        print(f"Epoch {epoch}: {running:.4f}")
with torch.no_grad():
    acc = (net(X[1400:]).argmax(1) == Y[1400:]).float().mean().item()
print(f"RESULT test_accuracy {acc:.4f}")
