"""Probability of default for consumer loans.

    python train.py --epochs 30 --batch-size 128

Categories get an embedding each; index 0 is kept for values never seen in training.
"""
import argparse
import copy
import os

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

PURPOSES = ["car", "home", "debt", "medical", "travel", "business", "education", "other"]
CATEGORICAL = ["purpose", "region", "term"]


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=6000)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--weight-decay", type=float, default=1e-3)
    p.add_argument("--patience", type=int, default=6)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args()


def make_loans(n, rng):
    df = pd.DataFrame(
        {
            "amount": np.exp(rng.normal(9.2, 0.6, n)).round(0),
            "income": np.exp(rng.normal(10.5, 0.5, n)).round(0),
            "term": rng.choice([12, 24, 36, 60], n),
            "purpose": rng.choice(PURPOSES, n),
            "region": rng.choice([f"R{i:02d}" for i in range(16)], n),
            "years_employed": rng.gamma(2.0, 3.0, n).round(1),
            "cards": rng.poisson(2.0, n),
            "opened": pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 730, n), unit="D"),
        }
    )
    purpose_effect = dict(zip(PURPOSES, [-0.8, -1.0, 0.6, 0.5, 0.1, 0.9, -0.4, 0.0]))
    region_effect = np.linspace(-0.9, 0.9, 16)[rng.permutation(16)]
    logit = (
        -1.6
        + 1.5 * (np.log(df["amount"] / df["income"]).to_numpy() + 1.3)
        + df["purpose"].map(purpose_effect).to_numpy(dtype=float)
        + region_effect[df["region"].str[1:].astype(int).to_numpy()]
        - 0.15 * (df["years_employed"].to_numpy() - 6.0)
        + 0.9 * (df["term"].to_numpy() == 60)
        + 0.35 * np.maximum(df["cards"].to_numpy() - 3, 0)
    )
    df["default"] = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    df.loc[rng.random(n) < 0.12, "years_employed"] = np.nan
    return df


class Features:
    """Everything learned from the training rows: medians, vocabularies, means and deviations."""

    def fit(self, df):
        self.median_years = df["years_employed"].median()
        self.vocab = {c: {v: i + 1 for i, v in enumerate(sorted(df[c].unique()))} for c in CATEGORICAL}
        num = self._numeric(df)
        self.mean, self.std = num.mean(), num.std()
        return self

    def _numeric(self, df):
        out = pd.DataFrame(index=df.index)
        out["log_amount"] = np.log(df["amount"])
        out["log_income"] = np.log(df["income"])
        out["debt_ratio"] = out["log_amount"] - out["log_income"]
        out["years"] = np.log1p(df["years_employed"].fillna(self.median_years))
        out["years_missing"] = df["years_employed"].isna().astype(float)
        out["cards"] = df["cards"].astype(float)
        month = 2 * np.pi * df["opened"].dt.month / 12
        out["month_sin"], out["month_cos"] = np.sin(month), np.cos(month)
        return out

    def transform(self, df):
        num = ((self._numeric(df) - self.mean) / self.std).to_numpy()
        cat = np.stack([df[c].map(self.vocab[c]).fillna(0).astype("int64").to_numpy() for c in CATEGORICAL], axis=1)
        return torch.tensor(cat, dtype=torch.long), torch.tensor(num, dtype=torch.float32)


class LoanNet(nn.Module):
    def __init__(self, sizes, n_numeric, p_unknown=0.02):
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(n + 1, min(8, (n + 1) // 2)) for n in sizes)
        width = sum(e.embedding_dim for e in self.embeddings)
        self.p_unknown = p_unknown
        self.norm = nn.BatchNorm1d(n_numeric)
        self.drop = nn.Dropout(0.1)
        self.mlp = nn.Sequential(
            nn.Linear(width + n_numeric, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, cat, num):
        if self.training:  # teaches the row of the unknown value
            cat = cat.masked_fill(torch.rand(cat.shape) < self.p_unknown, 0)
        emb = torch.cat([e(cat[:, i]) for i, e in enumerate(self.embeddings)], dim=1)
        return self.mlp(torch.cat([self.drop(emb), self.norm(num)], dim=1)).squeeze(1)


@torch.no_grad()
def score(model, cat, num):
    model.eval()
    return torch.sigmoid(model(cat, num)).numpy()


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    df = make_loans(args.rows, rng)
    train, rest = train_test_split(df, test_size=0.3, stratify=df["default"], random_state=args.seed)
    valid, test = train_test_split(rest, test_size=0.5, stratify=rest["default"], random_state=args.seed)
    feats = Features().fit(train)
    (c_tr, n_tr), (c_va, n_va), (c_te, n_te) = (feats.transform(d) for d in (train, valid, test))
    y_tr = torch.tensor(train["default"].to_numpy(), dtype=torch.float32)
    loader = DataLoader(TensorDataset(c_tr, n_tr, y_tr), batch_size=args.batch_size, shuffle=True)

    model = LoanNet([len(feats.vocab[c]) for c in CATEGORICAL], n_tr.shape[1])
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=2)

    best_auc, best_state, bad = 0.0, None, 0
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for cat, num, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(cat, num), target)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(target)
        auc = roc_auc_score(valid["default"], score(model, c_va, n_va))
        scheduler.step(auc)
        if auc > best_auc:
            best_auc, best_state, bad = auc, copy.deepcopy(model.state_dict()), 0
        else:
            bad += 1
        lr = optimizer.param_groups[0]["lr"]
        print(f"epoch {epoch:2d} loss {total / len(train):.4f} valid auc {auc:.4f} lr {lr:.1e}")
        if bad >= args.patience:
            print("no improvement, stopping")
            break

    model.load_state_dict(best_state)
    p = score(model, c_te, n_te)
    print(f"test average precision {average_precision_score(test['default'], p):.4f} (rate {test['default'].mean():.4f})")

    applicants = make_loans(5, rng).drop(columns="default")
    applicants["region"] = ["R03", "R99", "R07", "R99", "R11"]  # R99 opened last week
    applicants["p_default"] = score(model, *feats.transform(applicants)).round(3)
    print(applicants[["amount", "income", "purpose", "region", "p_default"]].to_string(index=False))
    print("RESULT test_auc", round(float(roc_auc_score(test["default"], p)), 4))


if __name__ == "__main__":
    main()
