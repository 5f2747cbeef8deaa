"""Customer value over the next year: most buy nothing, the rest spend log-normally (zero-inflated log-normal loss)."""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

SETTINGS = dict(lr=6e-3, warmup=50, batch=128, epochs=16, l1=1e-4, weight_decay=1e-2, amount_weight=0.5, clip=1.0)


def make_customers(n, rng):
    d = pd.DataFrame(
        {
            "recency_days": np.exp(rng.normal(3.5, 0.9, n)).round() + 1,
            "orders": rng.poisson(rng.gamma(1.5, 2.0, n)),
            "avg_basket": np.exp(rng.normal(3.6, 0.5, n)).round(2),
            "tenure_months": rng.integers(1, 72, n),
            "newsletter": rng.integers(0, 2, n),
            "channel": rng.choice(["web", "app", "store", "partner", "phone"], n),
            "country": rng.choice(["DE", "FR", "IT", "ES", "NL", "PL", "AT", "BE"], n),
        }
    )
    log_orders = np.log1p(d["orders"])
    channel = d["channel"].map({"web": 0.0, "app": 0.8, "store": 0.2, "partner": -0.8, "phone": -0.3}).astype(float)
    country = d["country"].map(dict(zip(["DE", "FR", "IT", "ES", "NL", "PL", "AT", "BE"], rng.normal(0, 0.3, 8)))).astype(float)
    logit = -1.1 - 1.4 * (np.log(d["recency_days"]) - 3.5) + 1.1 * (log_orders - 1.2) + channel + 0.6 * d["newsletter"]
    buys = rng.random(n) < 1 / (1 + np.exp(-logit))
    mu = np.log(d["avg_basket"]) + 0.7 * log_orders + country + 0.004 * d["tenure_months"]
    d["spend"] = np.where(buys, np.exp(mu + rng.normal(0, 0.5, n)), 0.0).round(2)
    return d


def add_features(d):
    f = d.drop(columns="spend", errors="ignore").copy()
    f["recency_days"], f["avg_basket"] = np.log(f["recency_days"]), np.log(f["avg_basket"])
    f["orders"] = np.log1p(f["orders"])
    f["revenue"] = f["orders"] + f["avg_basket"]
    return f


def gini(actual, score):
    """Normalised Gini: 1 for the right order of customers, 0 for a random one."""

    def area(order):
        cum = np.cumsum(actual[order]) / actual.sum()
        return cum.mean() - 0.5

    return area(np.argsort(-score, kind="stable")) / area(np.argsort(-actual, kind="stable"))


class ValueModel:
    def __init__(self, seed=0, **settings):
        self.s, self.seed = settings, seed
        numeric = ["recency_days", "orders", "avg_basket", "tenure_months", "newsletter", "revenue"]
        self.columns = ColumnTransformer(
            [("num", StandardScaler(), numeric), ("cat", OneHotEncoder(handle_unknown="ignore"), ["channel", "country"])],
            sparse_threshold=0.0,
        )

    def _matrix(self, d):
        return torch.tensor(np.asarray(self.columns.transform(add_features(d))), dtype=torch.float32)

    def _loss(self, out, spend):
        bought = (spend > 0).float()
        z = (torch.log(spend.clamp(min=1e-2)) - self.m) / self.sd
        mu, sigma = out[:, 1], F.softplus(out[:, 2]) + 0.05
        nll = 0.5 * ((z - mu) / sigma) ** 2 + torch.log(sigma)
        classify = F.binary_cross_entropy_with_logits(out[:, 0], bought)
        amount = (nll * bought).sum() / bought.sum().clamp(min=1.0)
        return classify + self.s["amount_weight"] * amount, classify, amount

    def _groups(self):
        decay = [p for n, p in self.net.named_parameters() if p.ndim > 1]
        rest = [p for n, p in self.net.named_parameters() if p.ndim <= 1]
        return [{"params": decay, "weight_decay": self.s["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]

    def fit(self, d, valid):
        torch.manual_seed(self.seed)
        self.columns.fit(add_features(d))
        x, spend = self._matrix(d), torch.tensor(d["spend"].to_numpy(), dtype=torch.float32)
        xv, sv = self._matrix(valid), torch.tensor(valid["spend"].to_numpy(), dtype=torch.float32)
        logs = torch.log(spend[spend > 0])
        self.m, self.sd = logs.mean().item(), logs.std().item()
        self.net = nn.Sequential(
            nn.Linear(x.shape[1], 64), nn.LayerNorm(64), nn.ReLU(), nn.Dropout(0.05), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3)
        )
        optimizer = torch.optim.AdamW(self._groups(), lr=self.s["lr"])
        w = self.s["warmup"]
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min((k + 1) / w, (w / (k + 1)) ** 0.5))
        for epoch in range(self.s["epochs"]):
            self.net.train()
            sums = np.zeros(3)
            for idx in torch.randperm(len(x)).split(self.s["batch"]):
                loss, classify, amount = self._loss(self.net(x[idx]), spend[idx])
                penalty = self.s["l1"] * self.net[0].weight.abs().sum()
                optimizer.zero_grad()
                (loss + penalty).backward()
                nn.utils.clip_grad_norm_(self.net.parameters(), self.s["clip"])
                optimizer.step()
                scheduler.step()
                sums += np.array([classify.item(), amount.item(), penalty.item()]) * len(idx)
            if epoch % 4 == 3:
                self.net.eval()
                with torch.no_grad():
                    v = self._loss(self.net(xv), sv)
                a, b, c = sums / len(x)
                print(f"epoch {epoch + 1:2d} train bce {a:.4f} amount {b:.4f} l1 {c:.4f} | valid bce {v[1]:.4f} amount {v[2]:.4f}")
        return self

    def predict(self, d):
        self.net.eval()
        with torch.no_grad():
            out = self.net(self._matrix(d))
            p, sigma = torch.sigmoid(out[:, 0]), F.softplus(out[:, 2]) + 0.05
            value = p * torch.exp(self.m + self.sd * out[:, 1] + 0.5 * (self.sd * sigma) ** 2)
        return pd.DataFrame({"p": p.numpy(), "value": value.numpy()}, index=d.index)


def main():
    rng = np.random.default_rng(SEED)
    customers = make_customers(5000, rng)
    train, rest = train_test_split(customers, test_size=0.3, random_state=SEED)
    valid, test = train_test_split(rest, test_size=0.6, random_state=SEED)
    model = ValueModel(seed=SEED, **SETTINGS).fit(train, valid)
    out = model.predict(test)
    actual = test["spend"].to_numpy()
    print(f"buyers {np.mean(actual > 0):.3f}, auc {roc_auc_score(actual > 0, out['p']):.4f}")
    fifths = pd.qcut(out["value"], 5, labels=False)
    print(pd.DataFrame({"predicted": out["value"], "actual": test["spend"]}).groupby(fifths).mean().round(1).to_string())
    by_past = gini(actual, (test["orders"] * test["avg_basket"]).to_numpy(dtype=float))
    print(f"sorted by past revenue: gini {by_past:.4f}")
    print("RESULT normalised_gini", round(float(gini(actual, out["value"].to_numpy())), 4))


if __name__ == "__main__":
    main()
