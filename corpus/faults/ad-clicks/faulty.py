"""Click prediction with a factorisation machine over four categorical fields."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.metrics import log_loss, roc_auc_score

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

FIELDS = {"publisher": 30, "campaign": 40, "device": 6, "hour": 24}


def impressions(n, rng):
    """Whether an ad is clicked depends mostly on what meets what."""
    taste = {}
    for name, size in FIELDS.items():
        v = 0.75 * rng.standard_normal((size, 3))
        taste[name] = v - v.mean(0)
    frame = pd.DataFrame({name: rng.integers(0, size, n) for name, size in FIELDS.items()})
    vectors = np.stack([taste[name][frame[name].to_numpy()] for name in FIELDS], axis=1)
    pairs = 0.5 * (vectors.sum(1) ** 2 - (vectors ** 2).sum(1)).sum(1)
    popularity = 0.2 * rng.standard_normal(FIELDS["publisher"])
    logit = -0.3 + popularity[frame["publisher"].to_numpy()] + pairs
    frame["click"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return frame


class FactorizationMachine(nn.Module):
    def __init__(self, fields, rank):
        super().__init__()
        self.fields = list(fields)
        self.intercept = nn.Parameter(torch.zeros(1))
        self.weight = nn.ModuleDict({name: nn.Embedding(size, 1) for name, size in fields.items()})
        self.factors = {name: nn.Embedding(size, rank) for name, size in fields.items()}
        for name in self.fields:
            nn.init.zeros_(self.weight[name].weight)
            nn.init.normal_(self.factors[name].weight, std=0.1)

    def forward(self, codes):
        linear, vectors = [], []
        for k, name in enumerate(self.fields):
            linear.append(self.weight[name](codes[:, k]))
            vectors.append(self.factors[name](codes[:, k]))
        linear = torch.cat(linear, dim=1).sum(1)
        stacked = torch.stack(vectors, dim=1)
        pairs = 0.5 * (stacked.sum(1) ** 2 - (stacked ** 2).sum(1)).sum(1)
        return self.intercept + linear + pairs


def tensors(frame):
    codes = torch.tensor(frame[list(FIELDS)].to_numpy(), dtype=torch.long)
    return codes, torch.tensor(frame["click"].to_numpy(), dtype=torch.float32)


def report(model, codes, clicks):
    model.eval()
    with torch.no_grad():
        p = torch.sigmoid(model(codes)).double().numpy()
    return roc_auc_score(clicks.numpy(), p), log_loss(clicks.numpy(), p)


def main(epochs=12, batch=256, rank=4, lr=0.01):
    torch.manual_seed(SEED)
    frame = impressions(20000, np.random.default_rng(SEED))
    cut = 16000
    codes, clicks = tensors(frame.iloc[:cut])
    test_codes, test_clicks = tensors(frame.iloc[cut:])
    print(f"{cut} impressions, click rate {clicks.mean().item():.3f}")

    model = FactorizationMachine(FIELDS, rank)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=1e-5)
    criterion = nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(cut).split(batch):
            loss = criterion(model(codes[rows]), clicks[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        auc, nll = report(model, test_codes, test_clicks)
        print(f"epoch {epoch:2d}: train log loss {total / cut:.4f}  test log loss {nll:.4f}  AUC {auc:.4f}")
    print(f"RESULT auc {auc:.4f}")


if __name__ == "__main__":
    main()
