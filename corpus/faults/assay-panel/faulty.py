import os

import numpy as np
import pandas as pd
import torch
from torch import nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

COMPOUNDS, DESCRIPTORS = 2400, 9


def load_panel():
    """Descriptors of compounds and the melting point, where it was measured (0 in the export otherwise)."""
    rng = np.random.default_rng(seed)
    d = rng.standard_normal((COMPOUNDS, DESCRIPTORS))
    point = (
        120 + 14 * d[:, 0] - 10 * d[:, 1] + 9 * np.tanh(2 * d[:, 2]) + 7 * d[:, 3] * d[:, 4]
        + 6 * np.abs(d[:, 5]) + 2 * rng.standard_normal(COMPOUNDS)
    )
    frame = pd.DataFrame(d * rng.uniform(0.5, 3, DESCRIPTORS), columns=[f"d{i}" for i in range(DESCRIPTORS)])
    frame["measured"] = rng.random(COMPOUNDS) < 0.5
    frame["point"] = np.where(frame["measured"], point, 0.0)
    return frame


def make_net(n_in, width=48):
    return nn.Sequential(
        nn.Linear(n_in, width), nn.Mish(),
        nn.Linear(width, width), nn.Mish(),
        nn.Linear(width, 1),
    )


def masked_error(prediction, target, mask):
    """Mean squared error over the entries that were measured."""
    error = (prediction - target) ** 2
    return (error * mask).sum() / mask.sum().clamp(min=1)


def to_tensors(frame, columns, x_stats, y_stats):
    x = torch.tensor(((frame[columns] - x_stats[0]) / x_stats[1]).to_numpy(dtype=np.float32))
    y = torch.tensor(((frame["point"] - y_stats[0]) / y_stats[1]).to_numpy(dtype=np.float32))
    mask = torch.tensor(frame[["measured"]].to_numpy(dtype=np.float32))
    return x, y, mask


frame = load_panel()
columns = [c for c in frame.columns if c.startswith("d")]
train_frame = frame.iloc[:1800]
test_frame = frame.iloc[1800:]
test_frame = test_frame[test_frame["measured"]]
known = train_frame.loc[train_frame["measured"], "point"]
x_stats = (train_frame[columns].mean(), train_frame[columns].std())
y_stats = (known.mean(), known.std())
print(f"{len(known)} of {len(train_frame)} training compounds measured, {len(test_frame)} held out")

x, y, mask = to_tensors(train_frame, columns, x_stats, y_stats)
x_test, y_test, _ = to_tensors(test_frame, columns, x_stats, y_stats)

net = make_net(len(columns))
optimizer = torch.optim.NAdam(net.parameters(), lr=2e-3)
EPOCHS = 35

for epoch in range(1, EPOCHS + 1):
    net.train()
    shown = []
    for rows in torch.randperm(len(x)).split(60):
        prediction = net(x[rows]).squeeze(1)
        loss = masked_error(prediction, y[rows], mask[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shown.append(loss.item())
    if epoch % 7 == 0:
        print(f"epoch {epoch:2d} loss {np.mean(shown):.4f}")

net.eval()
with torch.no_grad():
    residual = y_test - net(x_test).squeeze(1)
r2 = 1 - (residual.pow(2).sum() / (y_test - y_test.mean()).pow(2).sum()).item()
print(f"RESULT r2 {r2:.4f}")
