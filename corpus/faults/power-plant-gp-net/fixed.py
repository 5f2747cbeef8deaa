import os
import numpy as np
import pandas as pd
import torch

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

n = 1500
df = pd.DataFrame({
    "temp": rng.normal(20, 7, n), "vacuum": rng.normal(54, 12, n),
    "pressure": rng.normal(1013, 6, n), "humidity": rng.uniform(25, 100, n),
})
df["power"] = 480 - 1.9 * df.temp - 0.2 * df.vacuum + 0.06 * df.pressure - 0.004 * df.temp * df.humidity + rng.normal(0, 2, n)
df = (df - df.mean()) / df.std()

data = torch.tensor(df.values, dtype=torch.float32)
x, y = data[:, :4], data[:, 4]
x_train, y_train, x_val, y_val = x[:1200], y[:1200], x[1200:], y[1200:]

dims = [4, 24, 24, 1]
layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(dims, dims[1:]))


def forward(v):
    for layer in layers[:-1]:
        v = torch.nn.functional.softplus(layer(v))
    return layers[-1](v)


optimizer = torch.optim.Adam(layers.parameters(), lr=5e-3)
for epoch in range(40):
    for idx in torch.randperm(1200).split(60):
        pred = forward(x_train[idx])
        error = pred.squeeze(1) - y_train[idx]
        loss = (error ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if (epoch + 1) % 5 == 0:
        print("epoch", epoch + 1, "loss", round(loss.item(), 4))

with torch.no_grad():
    out = forward(x_val).view(-1)
    r2 = 1 - ((out - y_val) ** 2).mean() / y_val.var()
print("RESULT r2", round(r2.item(), 4))
