# Daily sales of 20 stores, four weeks ahead. Features: lags of at least 28 days, promotions, calendar.
# Split by date: the last 28 days are the test, the 28 before are for looking at.
import os
import tempfile

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

STORES, DAYS, HORIZON = 20, 560, 28
EPOCHS, BATCH, MAX_LR = 14, 256, 8e-3

# ---------------------------------------------------------------- data
dates = pd.date_range("2022-01-03", periods=DAYS, freq="D")
df = pd.MultiIndex.from_product([range(STORES), dates], names=["store", "date"]).to_frame(index=False)
store = df["store"].to_numpy()
day = np.tile(np.arange(DAYS), STORES)
df["dow"] = df["date"].dt.dayofweek
dow = df["dow"].to_numpy()
base = np.exp(rng.normal(7.5, 0.4, STORES))
lift = rng.uniform(0.2, 0.55, STORES)
week_shape = np.array([[1.1, 1.0, 0.95, 1.0, 1.15, 1.3, 0.5], [0.8, 0.85, 0.9, 1.0, 1.2, 1.4, 0.9]])
promo_weeks = rng.random((STORES, DAYS // 7 + 1)) < 0.35
df["promo"] = promo_weeks[store, day // 7].astype(int)
angle = 2 * np.pi * df["date"].dt.dayofyear.to_numpy() / 365.25
df["sales"] = (
    base[store]
    * week_shape[store % 2, dow]
    * (1 + 0.2 * np.sin(angle))
    * (1 + lift[store] * df["promo"].to_numpy())
    * np.exp(rng.normal(0, 0.07, len(df)))
)

# ---------------------------------------------------------------- features
df["log_sales"] = np.log(df["sales"])
by_store = df.groupby("store")
for lag in (28, 35):
    df[f"lag{lag}"] = by_store["log_sales"].shift(lag)
    df[f"promo_lag{lag}"] = by_store["promo"].shift(lag)
df["mean28"] = by_store["log_sales"].transform(lambda s: s.shift(HORIZON).rolling(28).mean())
df["doy_sin"], df["doy_cos"] = np.sin(angle), np.cos(angle)
df = df.dropna().reset_index(drop=True)
NUM = ["lag28", "lag35", "mean28", "promo", "promo_lag28", "promo_lag35", "doy_sin", "doy_cos"]

test_start, val_start = dates[-HORIZON], dates[-2 * HORIZON]
train = df[df["date"] < val_start]
valid = df[(df["date"] >= val_start) & (df["date"] < test_start)]
test = df[df["date"] >= test_start]
mu, sd = train[NUM].mean(), train[NUM].std()
y_mu, y_sd = train["log_sales"].mean(), train["log_sales"].std()


def tensors(part):
    x = torch.tensor(((part[NUM] - mu) / sd).to_numpy(), dtype=torch.float32)
    cat = torch.tensor(part[["store", "dow"]].to_numpy(), dtype=torch.long)
    y = torch.tensor(((part["log_sales"] - y_mu) / y_sd).to_numpy(), dtype=torch.float32)
    return cat, x, y


c_tr, x_tr, y_tr = tensors(train)
c_va, x_va, y_va = tensors(valid)
c_te, x_te, y_te = tensors(test)
print(f"rows: train {len(train)}, valid {len(valid)}, test {len(test)}")


# ---------------------------------------------------------------- model
class SalesNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.store = nn.Embedding(STORES, 6)
        self.dow = nn.Embedding(7, 3)
        self.body = nn.Sequential(
            nn.Linear(6 + 3 + len(NUM), 64), nn.SiLU(), nn.Linear(64, 32), nn.SiLU(), nn.Linear(32, 1)
        )

    def forward(self, cat, x):
        return self.body(torch.cat([self.store(cat[:, 0]), self.dow(cat[:, 1]), x], dim=-1)).squeeze(-1)


def rmspe(prediction, truth):
    return float(np.sqrt(np.mean(((prediction - truth) / truth) ** 2)))


def forecast(cat, x):
    net.eval()
    with torch.no_grad():
        return np.exp(net(cat, x).numpy() * y_sd + y_mu)


net = SalesNet()
steps_per_epoch = (len(x_tr) + BATCH - 1) // BATCH
optimizer = torch.optim.AdamW(net.parameters(), lr=MAX_LR / 25, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=MAX_LR, epochs=EPOCHS, steps_per_epoch=steps_per_epoch, pct_start=0.25
)
huber = nn.HuberLoss(delta=1.0)

for epoch in range(EPOCHS):
    net.train()
    order = torch.randperm(len(x_tr))
    running = 0.0
    for start in range(0, len(order), BATCH):
        idx = order[start : start + BATCH]
        optimizer.zero_grad(set_to_none=True)
        loss = huber(net(c_tr[idx], x_tr[idx]), y_tr[idx])
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
    if epoch % 2 == 1:
        v = rmspe(forecast(c_va, x_va), valid["sales"].to_numpy())
        print(f"epoch {epoch + 1:2d} huber {running / steps_per_epoch:.4f} valid rmspe {v:.4f} lr {scheduler.get_last_lr()[0]:.5f}")

# ---------------------------------------------------------------- test, by week and by store
report = test[["store", "date", "sales"]].copy()
report["forecast"] = forecast(c_te, x_te)
report["naive"] = np.exp(test["lag28"])
report["week"] = (report["date"] - test_start).dt.days // 7 + 1
for week, part in report.groupby("week"):
    print(f"week {week}: rmspe {rmspe(part['forecast'].to_numpy(), part['sales'].to_numpy()):.4f}")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "forecast.csv")
    report.to_csv(path, index=False)
    print("wrote", len(pd.read_csv(path)), "rows")
print("same weekday four weeks ago: rmspe", round(rmspe(report["naive"].to_numpy(), report["sales"].to_numpy()), 4))
print("RESULT test_rmspe", round(rmspe(report["forecast"].to_numpy(), report["sales"].to_numpy()), 4))
