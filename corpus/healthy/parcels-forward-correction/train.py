import os

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from torch import nn

# Sorting classes of parcels. The operators' labels slip to the next class in a third of the cases.
# Phase 1: a net on the labels as they are, from which the slip matrix is read off.
# Phase 2: a new net whose probabilities go through that matrix before they meet the labels (forward correction).


def make_parcels(n, means, mix, rng):
    y = rng.integers(0, len(means), n)
    x = means[y] + 1.2 * rng.standard_normal((n, means.shape[1]))
    return np.concatenate([x, np.tanh(x @ mix)], axis=1), y


def slip(y, k, rate, rng):
    return np.where(rng.random(len(y)) < rate, (y + 1) % k, y)


class ForwardCorrected(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=32, epochs_plain=8, epochs_corrected=14, lr=2e-3, batch_size=64, percentile=97, verbose=True):
        self.hidden = hidden
        self.epochs_plain = epochs_plain
        self.epochs_corrected = epochs_corrected
        self.lr = lr
        self.batch_size = batch_size
        self.percentile = percentile
        self.verbose = verbose

    def _net(self, n_in, k):
        return nn.Sequential(nn.Linear(n_in, self.hidden), nn.ReLU(), nn.Dropout(0.1),
                             nn.Linear(self.hidden, self.hidden), nn.ReLU(), nn.Linear(self.hidden, k))

    def _train(self, net, x, y, epochs, loss_fn, name):
        opt = torch.optim.RMSprop(net.parameters(), lr=self.lr, weight_decay=1e-4)
        sched = torch.optim.lr_scheduler.MultiStepLR(opt, [int(0.7 * epochs)], gamma=0.2)
        for epoch in range(epochs):
            net.train()
            total = 0.0
            for idx in torch.randperm(len(y)).split(self.batch_size):
                opt.zero_grad()
                loss = loss_fn(net(x[idx]), y[idx])
                loss.backward()
                opt.step()
                total += loss.item() * len(idx)
            sched.step()
            if self.verbose and epoch % 2 == 1:
                print(f"{name} epoch {epoch + 1:2d} loss {total / len(y):.4f}")
        return net.eval()

    def _slip_matrix(self, probs):
        """Rows: what the labels look like where the first net is surest of a class (anchor parcels)."""
        rows = []
        for c in range(probs.shape[1]):
            bar = np.percentile(probs[:, c], self.percentile)
            rows.append(probs[probs[:, c] >= bar].mean(0))
        t = np.stack(rows)
        return t / t.sum(1, keepdims=True)

    def fit(self, x, y):
        self.scaler_ = StandardScaler().fit(x)
        self.classes_ = np.unique(y)
        k = len(self.classes_)
        xt = torch.tensor(self.scaler_.transform(x), dtype=torch.float32)
        yt = torch.tensor(y)
        self.plain_ = self._train(self._net(x.shape[1], k), xt, yt, self.epochs_plain, nn.CrossEntropyLoss(), "plain")
        with torch.no_grad():
            self.slip_matrix_ = self._slip_matrix(self.plain_(xt).softmax(1).numpy())
        t = torch.tensor(self.slip_matrix_, dtype=torch.float32)

        def corrected(logits, target):
            seen = logits.softmax(1) @ t
            return nn.functional.nll_loss(torch.log(seen + 1e-8), target)

        self.net_ = self._train(self._net(x.shape[1], k), xt, yt, self.epochs_corrected, corrected, "corrected")
        return self

    @torch.no_grad()
    def predict_proba(self, x, plain=False):
        net = self.plain_ if plain else self.net_
        return net(torch.tensor(self.scaler_.transform(x), dtype=torch.float32)).softmax(1).numpy()

    def predict(self, x):
        return self.classes_[self.predict_proba(x).argmax(1)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    k = 5
    means = 1.7 * np.eye(k, 10) + 1.7 * np.eye(k, 10, k=5) + 0.6 * rng.standard_normal((k, 10))
    mix = rng.standard_normal((10, 4)) / 3
    x, y = make_parcels(3000, means, mix, rng)
    x_clean, y_clean = make_parcels(1000, means, mix, rng)
    y_seen = slip(y, k, 0.33, rng)
    print(f"{(y_seen != y).mean():.3f} of the labels are wrong")

    model = ForwardCorrected().fit(x, y_seen)
    print("slip matrix as estimated:")
    print(np.round(model.slip_matrix_, 2))
    plain = (model.predict_proba(x_clean, plain=True).argmax(1) == y_clean).mean()
    final = model.score(x_clean, y_clean)
    print(f"on parcels with checked labels: plain {plain:.4f}, corrected {final:.4f}")
    print("RESULT clean_accuracy", round(float(final), 4))
