import os

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# eight sensors, each one long record; the streams are read side by side from beginning to end
T, STREAMS, CHUNK = 2400, 8, 40
t = np.arange(T)
phase = rng.uniform(0, 2 * np.pi, (STREAMS, 1))
load = np.sin(2 * np.pi * t / 200 + phase) + 0.5 * np.sin(2 * np.pi * t / 31 + 2 * phase)
series = np.zeros((STREAMS, T))
for i in range(2, T):
    series[:, i] = 1.5 * series[:, i - 1] - 0.7 * series[:, i - 2] + 0.2 * load[:, i] + 0.05 * rng.normal(size=STREAMS)
split = 2000
mean, std = series[:, :split].mean(), series[:, :split].std()
z = torch.tensor((series - mean) / std, dtype=torch.float32).unsqueeze(-1)
HORIZON = 5


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, h=None):
        o, h = self.gru(x, h)
        return x + self.out(o), h      # predicts the change over the horizon


net = Forecaster()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
mse = nn.MSELoss()
for epoch in range(12):
    net.train()
    h, losses = None, []
    for s in range(0, split - HORIZON - CHUNK + 1, CHUNK):
        x, y = z[:, s:s + CHUNK], z[:, s + HORIZON:s + HORIZON + CHUNK]
        pred, h = net(x, h)
        h = h.detach()
        loss = mse(pred, y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1}: mse {np.mean(losses):.4f}")

net.eval()
with torch.no_grad():
    pred, _ = net(z[:, :-HORIZON])            # warm state: from the start of the records
    model_err = mse(pred[:, split:], z[:, split + HORIZON:]).item()
    naive_err = mse(z[:, split:-HORIZON], z[:, split + HORIZON:]).item()
print(f"test mse {model_err:.4f}, last value {naive_err:.4f}")
print("RESULT skill", round(1 - model_err / naive_err, 4))
