"""Prices of used cars: four architectures from a registry, same data, same loop; the best on validation is tested."""
import math
import os
import time

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
CATS = {"brand": 10, "fuel": 4, "gearbox": 2}
NUMS = ["age", "log_km", "power", "owners", "km_per_year"]
REGISTRY = {}


def register(name, **defaults):
    def wrap(cls):
        REGISTRY[name] = (cls, defaults)
        return cls

    return wrap


class OneHotInput(nn.Module):
    def forward(self, cat, num):
        hot = [nn.functional.one_hot(cat[:, i], n) for i, n in enumerate(CATS.values())]
        return torch.cat([*(h.to(num.dtype) for h in hot), num], dim=1)


WIDTH = sum(CATS.values()) + len(NUMS)


@register("linear", lr=2e-2)
class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.out = OneHotInput(), nn.Linear(WIDTH, 1)

    def forward(self, cat, num):
        return self.out(self.inp(cat, num)).squeeze(1)


@register("mlp", lr=4e-3)
class MLP(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.inp = OneHotInput()
        self.net = nn.Sequential(
            nn.Linear(WIDTH, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, hidden // 2), nn.LeakyReLU(0.1), nn.Linear(hidden // 2, 1)
        )

    def forward(self, cat, num):
        return self.net(self.inp(cat, num)).squeeze(1)


@register("resnet", lr=4e-3)
class ResNet(nn.Module):
    def __init__(self, dim=48, blocks=2):
        super().__init__()
        self.inp, self.stem = OneHotInput(), nn.Linear(WIDTH, dim)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.GELU(), nn.Dropout(0.05), nn.Linear(dim, dim))
            for _ in range(blocks)
        )
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 1))

    def forward(self, cat, num):
        h = self.stem(self.inp(cat, num))
        for block in self.blocks:
            h = h + block(h)
        return self.head(h).squeeze(1)


@register("tokens", lr=4e-3)
class TokenTransformer(nn.Module):
    """A token per column, a class token in front."""

    def __init__(self, dim=16, heads=2):
        super().__init__()
        self.cats = nn.ModuleList(nn.Embedding(n, dim) for n in CATS.values())
        self.scale = nn.Parameter(torch.randn(len(NUMS), dim) / math.sqrt(dim))
        self.shift = nn.Parameter(torch.zeros(len(NUMS), dim))
        self.cls = nn.Parameter(torch.randn(1, 1, dim) / math.sqrt(dim))
        self.layer = nn.TransformerEncoderLayer(dim, heads, 32, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, cat, num):
        tokens = [e(cat[:, i]).unsqueeze(1) for i, e in enumerate(self.cats)]
        numeric = num.unsqueeze(2) * self.scale + self.shift
        h = torch.cat([self.cls.expand(len(num), -1, -1), *tokens, numeric], dim=1)
        return self.head(self.layer(h)[:, 0]).squeeze(1)


def make_cars(n, rng):
    d = pd.DataFrame({c: rng.integers(0, k, n) for c, k in CATS.items()})
    new_price = np.exp(rng.normal(10.0, 0.35, 10))[d["brand"]]
    decay = rng.uniform(0.08, 0.2, 10)[d["brand"]]
    d["age"] = rng.uniform(0.5, 14, n)
    d["km_per_year"] = 13000 * np.exp(rng.normal(0, 0.4, n))
    d["power"] = rng.normal(95, 25, n).clip(45, 220)
    d["owners"] = 1 + rng.poisson(0.25 * d["age"])
    km = d["km_per_year"] * d["age"]
    d["log_km"] = np.log(km)
    d["price"] = (
        new_price
        * np.exp(-decay * d["age"] - 0.25 * (km / 1e5) * np.where(d["fuel"] == 1, 0.6, 1.0))
        * (d["power"] / 95) ** 0.6
        * np.array([1.0, 1.05, 1.2, 0.9])[d["fuel"]]
        * np.where(d["gearbox"] == 1, 1.08, 1.0)
        * 0.97 ** (d["owners"] - 1)
        * np.exp(rng.normal(0, 0.06, n))
    )
    return d


def fit(model, lr, loader, valid, epochs):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-4)
    half_cosine = lambda e: 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * e / epochs))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, half_cosine)
    criterion = nn.SmoothL1Loss(beta=0.5)
    for _ in range(epochs):
        model.train()
        for cat, num, y in loader:
            loss = criterion(model(cat, num), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        return loss.item(), criterion(model(valid[0], valid[1]), valid[2]).item()


rng = np.random.default_rng(SEED)
cars = make_cars(2300, rng)
train, rest = train_test_split(cars, test_size=0.35, random_state=SEED)
valid, test = train_test_split(rest, test_size=0.5, random_state=SEED)
mean, std = train[NUMS].mean(), train[NUMS].std()
log_price = np.log(train["price"])
to_y = lambda p: (np.log(p) - log_price.mean()) / log_price.std()
pack = lambda d: (
    torch.tensor(d[list(CATS)].to_numpy(), dtype=torch.long),
    torch.tensor(((d[NUMS] - mean) / std).to_numpy(), dtype=torch.float32),
    torch.tensor(to_y(d["price"]).to_numpy(), dtype=torch.float32),
)
val, tst = pack(valid), pack(test)

rows, fitted = [], {}
for name, (cls, defaults) in REGISTRY.items():
    torch.manual_seed(SEED)
    loader = DataLoader(TensorDataset(*pack(train)), batch_size=64, shuffle=True)
    model, t0 = cls(), time.perf_counter()
    last, score = fit(model, defaults["lr"], loader, val, epochs=12)
    fitted[name] = model
    size = sum(p.numel() for p in model.parameters())
    rows.append({"model": name, "parameters": size, "last_loss": last, "valid": score, "seconds": time.perf_counter() - t0})
table = pd.DataFrame(rows).sort_values("valid").reset_index(drop=True)
print(table.round(4).to_string(index=False))

best = table.loc[0, "model"]
with torch.no_grad():
    z = fitted[best](tst[0], tst[1]).double().numpy()
price = np.exp(z * log_price.std() + log_price.mean())
ape = np.abs(price - test["price"].to_numpy()) / test["price"].to_numpy()
constant = np.abs(np.exp(log_price.median()) - test["price"]) / test["price"]
print(f"{best}: median absolute error {np.median(ape):.2%}; a constant price is off by {constant.median():.2%}")
print("RESULT test_mape", round(float(ape.mean()), 4))
