import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

x = torch.randn(2000, 10)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0.3).float()
net = nn.Sequential(nn.Linear(10, 64), nn.BatchNorm1d(64), nn.Tanh(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


def predict(model, rows, chunk=4):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part).squeeze(1) for part in rows.split(chunk)]) > 0


ranked = torch.argsort(x[1600:, 0])
x_test, y_test = x[1600:][ranked], y[1600:][ranked]
for epoch in range(20):
    net.train()
    total = 0.0
    for i in torch.randperm(1600).split(40):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[i]).squeeze(1), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1} loss {total:.4f}")
acc = (predict(net, x_test) == (y_test > 0.5)).float().mean().item()
print(f"RESULT accuracy {acc:.4f}")
