import os
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

BATCH_SIZE = 32
x = torch.randn(900, 10)
y = (torch.tanh(x[:, 0] * 2) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3]).unsqueeze(1)
y = (y - y.mean()) / y.std()
train_loader = DataLoader(TensorDataset(x[:700], y[:700]), batch_size=BATCH_SIZE, shuffle=True, drop_last=True)

net = nn.Sequential(
    nn.Linear(10, 64, bias=False), nn.BatchNorm1d(64), nn.SiLU(),
    nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.SiLU(),
    nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
mse = nn.MSELoss()
for epoch in range(9):
    net.train()
    total = 0.0
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = mse(net(xb), yb)
        loss.backward()
        opt.step()
        total += loss.item() / len(train_loader)
    net.eval()
    with torch.no_grad():
        val = mse(net(x[700:]), y[700:]).item()
    if epoch % 2 == 0:
        print(f"epoch {epoch} train {total:.4f} val {val:.4f}")
print(f"RESULT val_mse {val:.4f}")
