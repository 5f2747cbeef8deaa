"""Warranty claims: approve, inspect or reject. A torch net as a scikit-learn estimator inside a StackingClassifier."""
import copy
import os

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))


class TorchMLPClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=(64, 32), lr=4e-3, weight_decay=1e-3, dropout=0.1, epochs=35, batch_size=64,
                 validation_fraction=0.15, patience=8, random_state=0, verbose=False):
        self.hidden = hidden
        self.lr = lr
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.verbose = verbose

    def _build(self, n_in, n_out):
        layers, width = [], n_in
        for h in self.hidden:
            layers += [nn.Linear(width, h), nn.GELU(), nn.Dropout(self.dropout)]
            width = h
        return nn.Sequential(*layers, nn.Linear(width, n_out))

    def fit(self, X, y):
        torch.manual_seed(self.random_state)
        X = np.asarray(X, dtype=np.float32)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_features_in_ = X.shape[1]
        a, b, ya, yb = train_test_split(
            X, codes, test_size=self.validation_fraction, stratify=codes, random_state=self.random_state
        )
        a, b = torch.tensor(a), torch.tensor(b)
        ya, yb = torch.tensor(ya, dtype=torch.long), torch.tensor(yb, dtype=torch.long)
        net = self._build(X.shape[1], len(self.classes_))
        criterion = nn.CrossEntropyLoss()
        optimizer = torch.optim.NAdam(net.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.94)
        best, state, waited = np.inf, None, 0
        for epoch in range(self.epochs):
            net.train()
            for idx in torch.randperm(len(a)).split(self.batch_size):
                if len(idx) < 8:  # a tiny last batch is not worth a step
                    continue
                optimizer.zero_grad()
                loss = criterion(net(a[idx]), ya[idx])
                loss.backward()
                optimizer.step()
            scheduler.step()
            net.eval()
            with torch.no_grad():
                val = criterion(net(b), yb).item()
            if val < best:
                best, state, waited = val, copy.deepcopy(net.state_dict()), 0
            else:
                waited += 1
                if waited >= self.patience:
                    break
        net.load_state_dict(state)
        self.net_, self.n_epochs_, self.validation_loss_ = net.eval(), epoch + 1, best
        if self.verbose:
            print(f"  net: {len(a)} rows, {self.n_epochs_} epochs, best validation loss {best:.4f}")
        return self

    def predict_proba(self, X):
        with torch.no_grad():
            logits = self.net_(torch.tensor(np.asarray(X, dtype=np.float32)))
        return torch.softmax(logits.double(), dim=1).numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(1)]


def make_claims(n, seed):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(n, 7))
    raw = pd.DataFrame(
        {
            "age_months": 18 * np.exp(0.5 * u[:, 0]),
            "km": 30000 * np.exp(0.6 * u[:, 1]),
            "part_cost": 250 * np.exp(0.7 * u[:, 2]),
            "labour_hours": 4 * np.exp(0.4 * u[:, 3]),
            "dealer_score": 70 + 9 * u[:, 4],
            "fault_code_drift": u[:, 5],
            "battery_volts": 12.4 + 0.3 * u[:, 6],
        }
    )
    scores = np.stack(
        [
            1.5 * np.sin(1.5 * u[:, 0]) + u[:, 1] * u[:, 2],
            1.2 * u[:, 3] - 0.8 * u[:, 0] + 0.6 * (u[:, 4] ** 2 - 1),
            1.4 * np.abs(u[:, 5]) - 1.1 + u[:, 6] * u[:, 3],
        ],
        axis=1,
    )
    decision = (2.5 * scores + rng.gumbel(size=scores.shape)).argmax(1)
    return raw, np.array(["approve", "inspect", "reject"])[decision]


def features(raw):
    out = raw.copy()
    for column in ("age_months", "km", "part_cost", "labour_hours"):
        out[column] = np.log(out[column])
    out["cost_per_hour"] = out["part_cost"] - out["labour_hours"]
    out["km_per_month"] = out["km"] - out["age_months"]
    return out


raw, y = make_claims(3200, SEED)
X = features(raw)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=SEED)

members = [
    ("net", make_pipeline(StandardScaler(), TorchMLPClassifier(random_state=SEED, verbose=True))),
    ("forest", RandomForestClassifier(n_estimators=40, min_samples_leaf=3, random_state=SEED)),
    ("linear", make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))),
]
stack = StackingClassifier(members, final_estimator=LogisticRegression(max_iter=300), cv=3)
stack.fit(X_tr, y_tr)

for name, fitted in stack.named_estimators_.items():
    # the members saw the labels as 0, 1, 2
    print(f"{name:7s} accuracy {accuracy_score(y_te, stack.classes_[fitted.predict(X_te)]):.4f}")
guess = stack.predict(X_te)
print("most frequent class:", round(float(pd.Series(y_te).value_counts(normalize=True).max()), 4))
print(pd.DataFrame(confusion_matrix(y_te, guess, labels=stack.classes_), index=stack.classes_, columns=stack.classes_))
print("RESULT stacked_accuracy", round(float(accuracy_score(y_te, guess)), 4))
