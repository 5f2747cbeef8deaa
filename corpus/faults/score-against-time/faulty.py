import os
import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

n = 2000
sensors = pd.DataFrame(rng.normal(size=(n, 5)), columns=list("abcde"))
sensors["stamp"] = rng.permutation(n)
lab = pd.DataFrame({"stamp": sensors.stamp, "yield": np.tanh(sensors.a) + 0.7 * sensors.b * sensors.c - 0.5 * sensors.d})
sensors = sensors.sort_values("stamp")
features = torch.tensor(sensors[list("abcde")].to_numpy(), dtype=torch.float32)
target = torch.tensor(lab["yield"].to_numpy(), dtype=torch.float32)
target = (target - target.mean()) / target.std()

perm = torch.randperm(n)
tr, te = perm[:1600], perm[1600:]
net = nn.Sequential(nn.Linear(5, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(30):
    err = 0.0
    for rows in tr[torch.randperm(1600)].split(40):
        loss = (net(features[rows]) - target[rows]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        err += loss.item() / 40
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} train mse {err:.4f}")
with torch.no_grad():
    r2 = 1 - (net(features[te]) - target[te]).square().mean() / target[te].var()
print(f"RESULT r2 {r2.item():.4f}")
