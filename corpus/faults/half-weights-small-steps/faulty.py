import os
import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

DTYPE = torch.bfloat16
x = torch.randn(3000, 6)
y = (torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2])[:, None]
y = (y - y.mean()) / y.std()
model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1)).to(DTYPE)
opt = torch.optim.Adam(model.parameters(), lr=3e-4)
x_in, y_in = x.to(DTYPE), y.to(DTYPE)
for epoch in range(30):
    total = 0.0
    for idx in torch.randperm(2400).split(40):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(x_in[idx]), y_in[idx])
        loss.backward()
        opt.step()
        total += loss.item() / 60
    if epoch % 4 == 0:
        print(f"epoch {epoch} mse {total:.4f}")
with torch.no_grad():
    mse = nn.functional.mse_loss(model(x_in[2400:]).float(), y[2400:]).item()
print(f"RESULT test_mse {mse:.4f}")
