import os
import torch
import torch.nn as nn

torch.manual_seed(int(os.environ.get("SEED", 0)))
torch.set_num_threads(1)

T = 3000
t = torch.arange(T).float()
rain = (torch.rand(T) < 0.06).float() * torch.empty(T).exponential_(1.0) * 3
level = torch.zeros(T)
for k in range(1, T):
    level[k] = 0.9 * level[k - 1] + rain[k - 1] + 0.02 * torch.randn(())
level = level + 0.5 * torch.sin(t / 40)
mu, sd = level[:2400].mean(), level[:2400].std()
level, rain = (level - mu) / sd, (rain - rain.mean()) / rain.std()
series = torch.stack([level, rain], 0)

W = 24
inputs = series.unfold(1, W, 1)[:, :-1].permute(1, 0, 2)
targets = level[W:]
split = 2300


class TCN(nn.Sequential):
    def __init__(self, channels=16):
        super().__init__(
            nn.Conv1d(2, channels, 3), nn.SiLU(),
            nn.Conv1d(channels, channels, 3, dilation=2), nn.SiLU(),
            nn.Flatten(),
            nn.Linear(channels * 18, 1),
        )


net = TCN()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
huber = nn.SmoothL1Loss()
for epoch in range(1, 16):
    net.train()
    tot = 0.0
    for i in torch.randperm(split).split(46):
        opt.zero_grad()
        loss = huber(net(inputs[i])[:, 0], targets[i])
        loss.backward()
        opt.step()
        tot += loss.item() / 50
    net.eval()
    with torch.no_grad():
        v = huber(net(inputs[split:])[:, 0], targets[split:]).item()
    if epoch % 3 == 0:
        print(f"Epoch {epoch:02d} | train {tot:.4f} | valid {v:.4f}")
with torch.no_grad():
    mae = (net(inputs[split:])[:, 0] - targets[split:]).abs().mean().item()
print("RESULT valid_mae", round(mae, 4))
