"""Scores that a tasting panel will give to an olive oil, as a whole histogram from 1 to 10.

The net ends in a softmax and is compared with the panel's histogram by the squared distance of the cumulative sums (so that a
miss by one score costs less than a miss by five).
"""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

SCORES = np.arange(1, 11)
JUDGES = 24


def collect(n, rng):
    z = rng.normal(size=(n, 8))
    frame = pd.DataFrame({
        "free_acidity": 0.45 + 0.12 * z[:, 0],
        "peroxide": 9 + 2.2 * z[:, 1],
        "k232": 1.9 + 0.2 * z[:, 2],
        "phenols": 320 + 85 * z[:, 3],
        "oleic": 74 + 3 * z[:, 4],
        "ethyl_esters": np.exp(2.2 + 0.5 * z[:, 5]),
        "harvest_day": 300 + 12 * z[:, 6],
        "storage_months": 6 + 2 * z[:, 7],
    })
    quality = (5.9 - 0.7 * z[:, 0] - 0.5 * z[:, 1] + 0.9 * np.tanh(1.3 * z[:, 3]) - 0.35 * z[:, 5]
               - 0.4 * z[:, 6] * z[:, 7])
    disagreement = 0.7 + 0.5 / (1 + np.exp(-1.5 * z[:, 3]))       # bitter oils divide the panel
    votes = np.clip(np.round(rng.normal(quality[:, None], disagreement[:, None], (n, JUDGES))), 1, 10)
    hist = (votes[:, :, None] == SCORES).mean(axis=1)
    return frame, hist


def emd2(p, q):
    return ((p.cumsum(1) - q.cumsum(1)) ** 2).sum(1).mean()


def build_model(n_in):
    return nn.Sequential(
        nn.Linear(n_in, 64), nn.GELU(),
        nn.Linear(64, 64), nn.GELU(),
        nn.Linear(64, len(SCORES)), nn.Softmax(dim=1),
    )


def train(model, x, h, x_val, h_val, epochs=26, batch=64, lr=3e-3):
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=lr, epochs=epochs, steps_per_epoch=-(-len(x) // batch))
    rows = []
    for epoch in range(epochs):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss = emd2(model(x[idx]), h[idx])
            loss.backward()
            opt.step()
            sched.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            rows.append({"epoch": epoch + 1, "train": np.mean(losses), "val": emd2(model(x_val), h_val).item()})
    return pd.DataFrame(rows)


def main():
    rng = np.random.default_rng(SEED)
    frame, hist = collect(2600, rng)
    f_tr, f_te, h_tr, h_te = train_test_split(frame, hist, test_size=500, random_state=SEED)
    f_tr, f_val, h_tr, h_val = train_test_split(f_tr, h_tr, test_size=300, random_state=SEED)
    scaler = StandardScaler().fit(f_tr)
    to_x = lambda f: torch.tensor(scaler.transform(f), dtype=torch.float32)
    to_h = lambda h: torch.tensor(h, dtype=torch.float32)

    model = build_model(frame.shape[1])
    log = train(model, to_x(f_tr), to_h(h_tr), to_x(f_val), to_h(h_val))
    print(log.iloc[4::5].to_string(index=False, float_format=lambda v: f"{v:.4f}"))

    with torch.no_grad():
        p = model(to_x(f_te)).numpy()
    flat = np.tile(h_tr.mean(0), (len(h_te), 1))
    distance = lambda a: ((a.cumsum(1) - h_te.cumsum(1)) ** 2).sum(1).mean()
    print(f"distance {distance(p):.4f}, with everyone's average histogram {distance(flat):.4f}")
    mean_pred, mean_true = p @ SCORES, h_te @ SCORES
    r2 = 1 - ((mean_pred - mean_true) ** 2).sum() / ((mean_true - mean_true.mean()) ** 2).sum()
    print("RESULT mean_score_r2", round(float(r2), 4))


if __name__ == "__main__":
    main()
