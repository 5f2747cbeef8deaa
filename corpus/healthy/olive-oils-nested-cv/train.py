"""Origin of olive oils from eight fatty acids: nested cross-validation.

The torch net is wrapped as a scikit-learn estimator, so that GridSearchCV and
cross_val_score can be used as for any other classifier.
"""
import os

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

ACIDS = ["palmitic", "palmitoleic", "stearic", "oleic", "linoleic", "linolenic", "arachidic", "eicosenoic"]
PROFILE = {
    "liguria": [10.9, 0.80, 2.30, 77.9, 7.3, 0.20, 0.40, 0.02],
    "apulia": [13.3, 1.80, 2.20, 71.0, 10.3, 0.38, 0.63, 0.27],
    "sardinia": [11.1, 0.96, 2.30, 72.7, 11.9, 0.27, 0.73, 0.02],
    "umbria": [10.8, 0.65, 1.95, 79.5, 6.0, 0.33, 0.55, 0.02],
}
SPREAD = np.array([0.8, 0.22, 0.28, 1.6, 1.1, 0.08, 0.14, 0.03])


def table(rng, per_area=120):
    rows = []
    for area, mean in PROFILE.items():
        ripeness = rng.normal(size=(per_area, 1))  # moves oleic against linoleic
        values = np.array(mean) + SPREAD * rng.normal(size=(per_area, 8))
        values += ripeness * np.array([0.3, 0, 0, 1.0, -0.8, 0, 0, 0])
        frame = pd.DataFrame(values, columns=ACIDS)
        frame["area"] = area
        rows.append(frame)
    return pd.concat(rows, ignore_index=True).sample(frac=1.0, random_state=SEED).reset_index(drop=True)


class TorchClassifier(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=16, weight_decay=0.0, lr=1e-2, epochs=30, batch_size=32, seed=0):
        self.hidden = hidden
        self.weight_decay = weight_decay
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed

    def fit(self, X, y):
        torch.manual_seed(self.seed)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_features_in_ = X.shape[1]
        X = torch.as_tensor(np.asarray(X), dtype=torch.float32)
        codes = torch.as_tensor(codes, dtype=torch.long)
        self.module_ = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], self.hidden), torch.nn.Tanh(),
            torch.nn.Linear(self.hidden, len(self.classes_)))
        opt = torch.optim.AdamW(self.module_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        loss_fn = torch.nn.CrossEntropyLoss()
        self.loss_curve_ = []
        for _ in range(self.epochs):
            total = 0.0
            for idx in torch.randperm(len(X)).split(self.batch_size):
                opt.zero_grad()
                loss = loss_fn(self.module_(X[idx]), codes[idx])
                loss.backward()
                opt.step()
                total += loss.item() * len(idx)
            self.loss_curve_.append(total / len(X))
        return self

    def predict_proba(self, X):
        self.module_.eval()
        with torch.no_grad():
            return self.module_(torch.as_tensor(np.asarray(X), dtype=torch.float32)).softmax(1).numpy()

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(1)]


df = table(np.random.default_rng(SEED))
X, y = df[ACIDS].to_numpy(), df["area"].to_numpy().astype(str)
print(df.groupby("area")[["oleic", "linoleic", "eicosenoic"]].mean().round(2))

outer = StratifiedKFold(3, shuffle=True, random_state=SEED)
grid = {"net__hidden": [8, 32], "net__weight_decay": [0.0, 0.1]}
out_of_fold = np.empty(len(y), dtype=y.dtype)
for fold, (tr, te) in enumerate(outer.split(X, y)):
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("net", TorchClassifier(seed=SEED))]),
        grid, cv=StratifiedKFold(2, shuffle=True, random_state=SEED + fold))
    search.fit(X[tr], y[tr])
    out_of_fold[te] = search.predict(X[te])
    curve = search.best_estimator_.named_steps["net"].loss_curve_
    print(f"fold {fold}: {search.best_params_} inner {search.best_score_:.3f} "
          f"loss {curve[0]:.3f} -> {curve[-1]:.3f} outer {accuracy_score(y[te], out_of_fold[te]):.3f}")

linear = Pipeline([("scale", StandardScaler()), ("lr", LogisticRegression(max_iter=500))])
print("logistic regression of scikit-learn:", cross_val_score(linear, X, y, cv=outer).mean().round(3))
print(pd.crosstab(y, out_of_fold, rownames=["area"], colnames=["predicted"]))
print("RESULT cv_accuracy", round(float(accuracy_score(y, out_of_fold)), 4))
