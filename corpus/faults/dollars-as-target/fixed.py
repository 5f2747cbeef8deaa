import os
import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

cars = rng.normal(size=(1500, 5)).astype(np.float32)
price = 21000 + 5200 * cars[:, 0] - 3900 * cars[:, 1] + 2500 * cars[:, 2] * cars[:, 3] + 300 * rng.normal(size=1500)
x = torch.from_numpy(cars)
y = torch.tensor(price, dtype=torch.float32).reshape(-1, 1)
shift, unit = y[:1200].mean(), y[:1200].std()
y = (y - shift) / unit

model = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.L1Loss()
for epoch in range(40):
    for i in range(0, 1200, 60):
        if i == 0:
            order = torch.randperm(1200)
        b = order[i:i + 60]
        optimizer.zero_grad()
        loss = loss_fn(model(x[b]), y[b])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch} loss {loss.item():.4f}")
with torch.no_grad():
    pred = model(x[1200:])
r2 = 1 - (pred - y[1200:]).square().mean() / y[1200:].var()
print(f"RESULT r2 {r2.item():.4f}")
