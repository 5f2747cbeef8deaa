import os
import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

n = 3000
orders = pd.DataFrame(rng.normal(size=(n, 4)), columns=["basket", "visits", "age", "clicks"])
z = 1.5 * orders.basket - orders.visits * orders.age + 0.8 * orders.clicks
orders["returned"] = (z + rng.logistic(0, 0.3, n) > 0).astype("float32")
orders["refund"] = orders.returned * (1 + 0.2 * rng.random(n)) - 0.5
live = orders.iloc[2400:].copy()
live["refund"] = -0.5
columns = ["basket", "visits", "age", "clicks"]


def tensors(frame):
    return torch.tensor(frame[columns].to_numpy("float32")), torch.tensor(frame.returned.to_numpy())


x_train, y_train = tensors(orders.iloc[:1900])
x_val, y_val = tensors(orders.iloc[1900:2400])
x_live, y_live = tensors(live)
net = nn.Sequential(nn.Linear(len(columns), 32), nn.SiLU(), nn.Linear(32, 1), nn.Flatten(0))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
acc = lambda a, b: ((net(a) > 0).float() == b).float().mean().item()
for epoch in range(15):
    for i in torch.randperm(1900).split(38):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x_train[i]), y_train[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(f"epoch {epoch} loss {loss.item():.4f} validation accuracy {acc(x_val, y_val):.4f}")
with torch.no_grad():
    print(f"RESULT live_accuracy {acc(x_live, y_live):.4f}")
