import os
import pandas as pd
import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
torch.manual_seed(seed)

table = load_diabetes(as_frame=True, scaled=False).frame
train, test = train_test_split(table, test_size=0.25, random_state=7)
mean, std = train.mean(), train.std()
train, test = (train - mean) / std, (test - mean) / std
tensor = lambda df: (torch.tensor(df.drop(columns="target").values, dtype=torch.float32), torch.tensor(df[["target"]].values, dtype=torch.float32))
loader = DataLoader(TensorDataset(*tensor(train)), batch_size=16, shuffle=True)
x_test, y_test = tensor(test)

net = nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-2)
loss_fn = nn.MSELoss()
rows = []
for epoch in range(30):
    net.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    net.eval()
    with torch.no_grad():
        rows.append({"train": total / len(loader), "test": loss_fn(net(x_test), y_test).item()})
print(pd.DataFrame(rows).iloc[::5].round(4))
with torch.no_grad():
    r2 = r2_score(y_test.numpy(), net(x_test).numpy())
print(f"RESULT test_r2 {r2:.4f}")
