import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# monthly panel: 200 stocks, 120 months, 6 characteristics; about 3 % of the variance of next month's return can be explained
MONTHS, STOCKS = 120, 200
frame = pd.DataFrame({
    "month": np.repeat(np.arange(MONTHS), STOCKS),
    **{f"c{k}": rng.standard_t(5, MONTHS * STOCKS) for k in range(6)},
})
signal = 0.010 * np.tanh(frame.c0) - 0.008 * frame.c1.clip(-2, 2) + 0.010 * np.tanh(frame.c2) * np.sign(frame.c3)
frame["signal"] = signal
frame["ret"] = signal + 0.075 * rng.standard_t(6, len(frame)) * np.sqrt(4 / 6)

# characteristics as ranks within the month, returns relative to the month's mean
cols = [f"c{k}" for k in range(6)]
frame[cols] = frame.groupby("month")[cols].rank(pct=True) * 2 - 1
frame["y"] = frame.ret - frame.groupby("month").ret.transform("mean")
train, valid, test = (frame[(frame.month >= a) & (frame.month < b)] for a, b in [(0, 70), (70, 90), (90, 120)])
scale = train.y.std()


def tensors(df):
    return torch.tensor(df[cols].values, dtype=torch.float32), torch.tensor(df.y.values / scale, dtype=torch.float32)


(xt, yt), (xv, yv), (xs, ys) = tensors(train), tensors(valid), tensors(test)
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 1))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
huber = nn.HuberLoss(delta=2.0)


def r2(x, y):
    net.eval()
    with torch.no_grad():
        e = y - net(x).squeeze(1)
    return 1 - e.square().sum().item() / y.square().sum().item()


best, keep = -np.inf, None
for epoch in range(16):
    net.train()
    tot = 0.0
    for i in torch.randperm(len(xt)).split(256):
        loss = huber(net(xt[i]).squeeze(1), yt[i])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        tot += loss.item() * len(i) / len(xt)
    v = r2(xv, yv)
    if v > best:
        best, keep = v, {k: p.clone() for k, p in net.state_dict().items()}
    if epoch % 2 == 0:
        print(f"epoch {epoch:2d} huber {tot:.4f} val R2 {v:+.4f}")
net.load_state_dict(keep)
with torch.no_grad():
    pred = net(xs).squeeze(1).numpy()
out = test.assign(pred=pred)
ic = np.mean([g.pred.corr(g.ret, method="spearman") for _, g in out.groupby("month")])
print(f"test R2 {r2(xs, ys):+.4f}, at best {1 - ((test.ret - test.signal) ** 2).sum() / (test.ret ** 2).sum():+.4f}")
print("RESULT mean_rank_correlation", round(float(ic), 4))
