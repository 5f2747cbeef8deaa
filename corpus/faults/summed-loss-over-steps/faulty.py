import os
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))
args = {"lr": 0.1, "every": 32, "epochs": 20}

x = torch.randn(3000, 9)
y = (torch.sin(x[:, 0] * 2) + x[:, 1] * x[:, 2] - 0.5 * x[:, 3])
y = (y - y.mean()) / y.std()
dl = DataLoader(TensorDataset(x[:2560], y[:2560]), batch_size=8, shuffle=True)
net = nn.Sequential(nn.Linear(9, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 1), nn.Flatten(0))
opt = optim.SGD(net.parameters(), lr=args["lr"], momentum=0.9)
for epoch in range(args["epochs"]):
    epoch_loss, k = 0.0, 0
    for xb, yb in dl:
        loss = nn.functional.mse_loss(net(xb), yb)
        epoch_loss += loss.item() / len(dl)
        loss.backward()
        k += 1
        if k == args["every"]:
            opt.step()
            opt.zero_grad()
            k = 0
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {epoch_loss:.4f}")
with torch.no_grad():
    mse = nn.functional.mse_loss(net(x[2560:]), y[2560:]).item()
print(f"RESULT test_mse {mse:.4f}")
