import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def get_regression_data(n, steps=40):
    """Temperature (K), pressure (hPa) and flow (l/s) over 40 minutes; the target is the load that follows."""
    level = rng.standard_normal((n, 3, 1))
    trend = rng.standard_normal((n, 3, 1)) * np.linspace(-1, 1, steps)
    z = 0.6 * level + 0.7 * trend + 0.3 * rng.standard_normal((n, 3, steps))
    load = z[:, 0, -10:].mean(1) - z[:, 0, :10].mean(1) + 1.2 * z[:, 2].mean(1) + 0.1 * rng.standard_normal(n)
    X = np.array([300.0, 1013.0, 0.5])[:, None] + np.array([15.0, 8.0, 0.2])[:, None] * z
    return torch.tensor(X, dtype=torch.float32), torch.tensor(load, dtype=torch.float32).unsqueeze(1)


class CausalBlock(nn.Module):
    def __init__(self, c_in, c_out, dilation, kernel_size=3):
        super().__init__()
        self.left = (kernel_size - 1) * dilation
        self.conv = nn.Conv1d(c_in, c_out, kernel_size, dilation=dilation)
        self.skip = nn.Conv1d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv(F.pad(x, (self.left, 0)))) + self.skip(x)


class TCN(nn.Module):
    def __init__(self, c_in, width=24, levels=5):
        super().__init__()
        sizes = [c_in] + [width] * levels
        self.blocks = nn.Sequential(*[CausalBlock(sizes[i], sizes[i + 1], 2 ** i) for i in range(levels)])
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        return self.head(self.blocks(x)[:, :, -1])


class TSStandardize:
    def __init__(self, X):
        self.mean = X.mean((0, 2), keepdim=True)
        self.std = X.std((0, 2), keepdim=True)

    def __call__(self, x):
        return (x - self.mean) / self.std


class TSLearner:
    def __init__(self, model, train, valid, batch_tfm, lr=2e-3, bs=32):
        self.model, self.train, self.valid, self.batch_tfm, self.bs = model, train, valid, batch_tfm, bs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.loss_func = nn.MSELoss()

    def fit(self, n_epoch):
        X, y = self.train
        for epoch in range(n_epoch):
            self.model.train()
            total = 0.0
            for rows in torch.randperm(len(X)).split(self.bs):
                loss = self.loss_func(self.model(self.batch_tfm(X[rows])), y[rows])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(rows)
            if epoch % 3 == 0 or epoch == n_epoch - 1:
                print(f"epoch {epoch:2d}  train_loss {total / len(X):.4f}  valid_loss {self.validate():.4f}")

    def validate(self):
        X, y = self.valid
        self.model.eval()
        with torch.no_grad():
            return self.loss_func(self.model(self.batch_tfm(X)), y).item()

    def get_X_preds(self, X):
        self.model.eval()
        preds = []
        with torch.no_grad():
            for xb in X.split(128):
                preds.append(self.model(xb))
        return torch.cat(preds)


X, y = get_regression_data(900)
X_new, y_new = get_regression_data(300)
train, valid = (X[:720], y[:720]), (X[720:], y[720:])

learn = TSLearner(TCN(3), train, valid, TSStandardize(train[0]))
learn.fit(25)
preds = learn.get_X_preds(X_new)
rmse = ((preds - y_new) ** 2).mean().sqrt().item()
print(f"standard deviation of the new targets {y_new.std().item():.4f}")
print(f"RESULT rmse_new_series {rmse:.4f}")
