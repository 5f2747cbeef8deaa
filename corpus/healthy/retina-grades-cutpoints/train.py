"""Severity grades 0..4 of eye pictures: regress the grade, then choose cut points for the quadratic kappa.

The usual recipe of the retinopathy competitions: one output, squared error on the grade itself, four cut points
fitted on the validation part.
"""
import os
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.metrics import cohen_kappa_score
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


@dataclass
class Options:
    seed: int = int(os.environ.get("SEED", "0"))
    size: int = 16
    n_train: int = 1600
    n_valid: int = 400
    n_test: int = 500
    batch: int = 64
    epochs: int = 16
    lr: float = 4e-3


LESIONS = np.array([0, 3, 7, 13, 22])
SHARE = np.array([0.40, 0.14, 0.24, 0.12, 0.10])


class EyePictures(Dataset):
    def __init__(self, n, size, rng):
        self.grade = rng.choice(5, size=n, p=SHARE)
        count = np.clip(np.rint(LESIONS[self.grade] * (1 + rng.normal(0, 0.12, n))), 0, None).astype(int)
        self.picture = np.empty((n, 1, size, size), dtype=np.float32)
        yy, xx = np.mgrid[0:size, 0:size] / size - 0.5
        for i in range(n):
            glow = 0.3 * rng.normal() * xx + 0.3 * rng.normal() * yy
            spots = np.zeros((size, size))
            where = rng.integers(1, size - 1, (2, count[i]))
            np.add.at(spots, (where[0], where[1]), 1.0 + 0.2 * rng.normal(size=count[i]))
            spots[1:] += 0.3 * spots[:-1]                      # lesions smear downwards a little
            self.picture[i, 0] = glow + spots + 0.1 * rng.normal(size=(size, size))

    def normalise(self, mean, std):
        self.picture = (self.picture - mean) / std
        return self

    def __len__(self):
        return len(self.grade)

    def __getitem__(self, i):
        return torch.from_numpy(self.picture[i]), torch.tensor(float(self.grade[i]))


class GradeRegressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.head(self.features(x)).squeeze(1)


def predict(model, loader):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(x) for x, _ in loader]).numpy()


def to_grades(value, cuts):
    return np.digitize(value, np.sort(cuts))


def kappa(truth, value, cuts):
    return cohen_kappa_score(truth, to_grades(value, cuts), weights="quadratic")


def fit_cuts(truth, value):
    start = np.array([0.5, 1.5, 2.5, 3.5])
    found = minimize(lambda c: -kappa(truth, value, c), start, method="Nelder-Mead", options={"maxiter": 150})
    return np.sort(found.x) if -found.fun > kappa(truth, value, start) else start


def run(opt):
    torch.manual_seed(opt.seed)
    rng = np.random.default_rng(opt.seed)
    train, valid, test = (EyePictures(n, opt.size, rng) for n in (opt.n_train, opt.n_valid, opt.n_test))
    mean, std = float(train.picture.mean()), float(train.picture.std())
    for part in (train, valid, test):
        part.normalise(mean, std)
    train_loader = DataLoader(train, batch_size=opt.batch, shuffle=True)
    valid_loader = DataLoader(valid, batch_size=200)
    test_loader = DataLoader(test, batch_size=200)

    model = GradeRegressor()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=opt.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=opt.lr, total_steps=opt.epochs * len(train_loader))
    for epoch in range(opt.epochs):
        model.train()
        running = 0.0
        for picture, grade in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(picture), grade)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running += loss.item() * len(grade)
        if epoch % 3 == 0 or epoch == opt.epochs - 1:
            plain = kappa(valid.grade, predict(model, valid_loader), np.array([0.5, 1.5, 2.5, 3.5]))
            print(f"[{epoch:02d}] mse {running / len(train):.4f}  valid kappa, rounded {plain:.4f}")

    cuts = fit_cuts(valid.grade, predict(model, valid_loader))
    print("cut points", np.round(cuts, 2))
    return kappa(test.grade, predict(model, test_loader), cuts)


print("RESULT quadratic_kappa", round(float(run(Options())), 4))
