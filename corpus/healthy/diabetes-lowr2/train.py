import os

import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import RepeatedKFold

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class Regressor:
    """scikit-learn style wrapper around a small network."""

    def __init__(self, hidden=24, lr=3e-3, weight_decay=1e-2, epochs=20, batch_size=32):
        self.hidden, self.lr, self.weight_decay, self.epochs, self.batch_size = hidden, lr, weight_decay, epochs, batch_size

    def _x(self, X):
        return torch.tensor((X - self.x_mean) / self.x_std, dtype=torch.float32)

    def fit(self, X, y, X_val=None, y_val=None, verbose=False):
        self.x_mean, self.x_std = X.mean(0), X.std(0)
        self.y_mean, self.y_std = y.mean(), y.std()
        xt = self._x(X)
        yt = torch.tensor((y - self.y_mean) / self.y_std, dtype=torch.float32)
        self.net = nn.Sequential(nn.Linear(X.shape[1], self.hidden), nn.ReLU(), nn.Dropout(0.2), nn.Linear(self.hidden, 1))
        opt = torch.optim.AdamW(self.net.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        for epoch in range(self.epochs):
            self.net.train()
            for idx in torch.randperm(len(xt)).split(self.batch_size):
                err = self.net(xt[idx])[:, 0] - yt[idx]
                loss = 0.5 * (err * err).mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
            if verbose and (epoch + 1) % 4 == 0:
                print(f"  epoch {epoch + 1}: R2 train {r2_score(y, self.predict(X)):.3f}  validation {r2_score(y_val, self.predict(X_val)):.3f}")
        return self

    @torch.no_grad()
    def predict(self, X):
        self.net.eval()
        return self.net(self._x(X))[:, 0].numpy() * self.y_std + self.y_mean


X, y = load_diabetes(return_X_y=True, scaled=False)
scores = []
for fold, (tr, te) in enumerate(RepeatedKFold(n_splits=5, n_repeats=1, random_state=SEED).split(X)):
    model = Regressor().fit(X[tr], y[tr], X[te], y[te], verbose=fold == 0)
    scores.append(r2_score(y[te], model.predict(X[te])))
    print(f"fold {fold}: R2 {scores[-1]:.3f}")
print("RESULT cv_r2", round(float(np.mean(scores)), 4))
