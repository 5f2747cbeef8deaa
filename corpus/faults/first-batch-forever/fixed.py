import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

w = torch.randn(8, 3)
x = torch.randn(2500, 8)
y = torch.sin(x @ w * 0.6)
data = DataLoader(TensorDataset(x[:2000], y[:2000]), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 3))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)


def cycle(loader):
    while True:
        yield from loader


batches = cycle(data)
inputs, targets = next(batches)
for step in range(1500):
    inputs, targets = next(batches)
    loss = nn.functional.mse_loss(net(inputs), targets)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 150 == 0:
        print(f"step {step} loss {loss.item():.5f}")
with torch.no_grad():
    test = nn.functional.mse_loss(net(x[2000:]), y[2000:]).item()
print(f"RESULT test_mse {test:.4f}")
