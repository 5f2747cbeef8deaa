import os
import numpy as np
import torch
from sklearn.preprocessing import MinMaxScaler

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

flats = rng.uniform([20, 0, 1, 0], [160, 60, 6, 25], size=(2000, 4))
rent = 4 + 0.09 * flats[:, 0] - 0.08 * flats[:, 1] + 2 * np.exp(-flats[:, 3] / 6) + 0.01 * flats[:, 0] * (flats[:, 3] < 8)
rent = (rent - rent.mean()) / rent.std() + 0.05 * rng.normal(size=2000)
X = torch.tensor(MinMaxScaler().fit_transform(flats), dtype=torch.float32)
y = torch.tensor(rent, dtype=torch.float32)[:, None]


class Dense(torch.nn.Module):
    def __init__(self, n_in, n_out, activation=True):
        super().__init__()
        bound = (3.0 / n_in) ** 0.5
        self.weight = torch.nn.Parameter(torch.empty(n_in, n_out).uniform_(-bound, bound))
        self.bias = torch.nn.Parameter(torch.zeros(n_out))
        self.activation = activation

    def forward(self, v):
        z = v @ self.weight + self.bias
        return z.clamp(min=0) if self.activation else z


net = torch.nn.Sequential(Dense(4, 64), Dense(64, 32), Dense(32, 1, activation=False))
optim = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(40):
    perm = torch.randperm(1600)
    total = 0.0
    for k in range(0, 1600, 64):
        batch = perm[k:k + 64]
        loss = torch.nn.functional.l1_loss(net(X[batch]), y[batch])
        optim.zero_grad()
        loss.backward()
        optim.step()
        total += loss.item() / 25
    if epoch % 5 == 0:
        print(f"epoch {epoch:2d}  L1 {total:.4f}")

with torch.no_grad():
    mae = (net(X[1600:]) - y[1600:]).abs().mean().item()
print(f"RESULT mae {mae:.4f}")
