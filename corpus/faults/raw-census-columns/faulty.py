import os
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

n = 2500
df = pd.DataFrame({
    "year": rng.integers(1930, 2020, n),
    "income": rng.lognormal(10.8, 0.4, n),
    "area": rng.normal(1600, 400, n).clip(400),
    "rooms": rng.integers(1, 8, n),
    "crime": rng.exponential(0.2, n),
})
z = 0.03 * (df.year - 1975) + 1.2 * np.log(df.income / 50000) + 0.001 * (df.area - 1600) * (df.rooms > 3) - 3 * (df.crime - 0.2)
df["sold"] = (z + rng.logistic(0, 0.25, n) > 0).astype(int)

train_df, test_df = df.iloc[:2000], df.iloc[2000:]
cols = ["year", "income", "area", "rooms", "crime"]
X_train = train_df[cols]
X_test = test_df[cols]
X_train = torch.tensor(X_train.values, dtype=torch.float32)
X_test = torch.tensor(X_test.values, dtype=torch.float32)
y_train = torch.tensor(train_df.sold.values, dtype=torch.float32)
y_test = torch.tensor(test_df.sold.values, dtype=torch.float32)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.seq = nn.Sequential(nn.Linear(5, 32), nn.GELU(), nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.seq(x).squeeze(-1)


model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()
for epoch in range(20):
    for xb, yb in DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True):
        optimizer.zero_grad()
        loss = bce(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        with torch.no_grad():
            acc = ((model(X_test) > 0).float() == y_test).float().mean().item()
        print(f"epoch {epoch + 1} batch loss {loss.item():.4f} test acc {acc:.4f}")
print(f"RESULT test_acc {acc:.4f}")
