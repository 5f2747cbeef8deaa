"""Kinds of customers from daily load profiles (96 quarter hours).

Stage 1: a denoising autoencoder on all profiles without labels.
Stage 2: a small classifier on the codes of the few labelled profiles.
"""
import copy
import logging
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, f1_score
from sklearn.pipeline import make_pipeline
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
log = logging.getLogger("profiles")
KINDS = ["commuter", "home_all_day", "night_storage", "small_office", "ev_owner"]


@dataclass
class Config:
    seed: int = int(os.environ.get("SEED", "0"))
    unlabelled: int = 2000
    labelled: int = 400
    test: int = 700
    code: int = 10
    ae_epochs: int = 16
    ae_lr: float = 2e-3
    ae_batch: int = 64
    corruption: float = 0.3
    clf_epochs: int = 40
    clf_lr: float = 5e-3
    clf_batch: int = 32
    patience: int = 10


def make_profiles(n, rng):
    t = np.arange(96)[None, :] / 4.0

    def bump(rows, centre, jitter, width, height):
        c = rng.normal(centre, jitter, (rows, 1))
        h = height * np.exp(rng.normal(0, 0.25, (rows, 1)))
        return h * np.exp(-0.5 * ((t - c) / width) ** 2)

    y = rng.integers(0, len(KINDS), n)
    x = np.full((n, 96), 0.3) * np.exp(rng.normal(0, 0.2, (n, 1)))
    for k in range(len(KINDS)):
        rows = np.flatnonzero(y == k)
        m = len(rows)
        if k in (0, 4):
            x[rows] += bump(m, 7.0, 0.5, 0.8, 1.2) + bump(m, 19.0, 0.6, 1.4, 1.8)
        if k == 1:
            x[rows] += bump(m, 8.5, 0.6, 1.2, 0.9) + bump(m, 12.5, 0.5, 1.2, 1.2) + bump(m, 18.5, 0.6, 1.8, 1.5)
        if k == 2:
            x[rows] += bump(m, 2.5, 0.6, 1.6, 2.2) + bump(m, 19.0, 0.7, 1.5, 1.0)
        if k == 3:
            level = 1.6 * np.exp(rng.normal(0, 0.2, (m, 1)))
            x[rows] += level / (1 + np.exp(-(t - 8) / 0.4)) / (1 + np.exp((t - 17) / 0.4))
        if k == 4:
            x[rows] += bump(m, 22.2, 0.6, 1.1, 2.2)
    x = np.clip(x * np.exp(rng.normal(0, 0.35, x.shape)) + rng.normal(0, 0.1, x.shape), 0, None)
    return np.log1p(x).astype(np.float32), y


class AutoEncoder(nn.Module):
    def __init__(self, code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 96))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def train_autoencoder(cfg, x_train, x_held):
    ae = AutoEncoder(cfg.code)
    optimizer = torch.optim.Adam(ae.parameters(), lr=cfg.ae_lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=cfg.ae_epochs, eta_min=1e-4)
    loader = DataLoader(TensorDataset(x_train), batch_size=cfg.ae_batch, shuffle=True)
    for epoch in range(cfg.ae_epochs):
        ae.train()
        for (xb,) in loader:
            noisy = xb + cfg.corruption * torch.randn_like(xb)
            loss = F.mse_loss(ae(noisy), xb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if epoch % 4 == 3:
            ae.eval()
            with torch.no_grad():
                explained = 1 - F.mse_loss(ae(x_held), x_held) / x_held.var()
            log.info("autoencoder epoch %d: explained variance %.3f", epoch + 1, explained.item())
    return ae


def train_classifier(cfg, codes, y, codes_val, y_val):
    clf = nn.Sequential(nn.Linear(cfg.code, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, len(KINDS)))
    optimizer = torch.optim.Adamax(clf.parameters(), lr=cfg.clf_lr, weight_decay=1e-4)
    loader = DataLoader(TensorDataset(codes, y), batch_size=cfg.clf_batch, shuffle=True)
    best, best_state, since = float("inf"), None, 0
    for epoch in range(cfg.clf_epochs):
        clf.train()
        for cb, yb in loader:
            loss = F.cross_entropy(clf(cb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        clf.eval()
        with torch.no_grad():
            val = F.cross_entropy(clf(codes_val), y_val).item()
        if val < best - 1e-4:
            best, best_state, since = val, copy.deepcopy(clf.state_dict()), 0
        else:
            since += 1
            if since == cfg.patience:
                break
    log.info("classifier: %d epochs, best validation loss %.4f", epoch + 1, best)
    clf.load_state_dict(best_state)
    return clf.eval()


def main():
    torch.set_num_threads(1)
    cfg = Config()
    torch.manual_seed(cfg.seed)
    rng = np.random.default_rng(cfg.seed)
    raw_u, _ = make_profiles(cfg.unlabelled, rng)
    raw_l, y_l = make_profiles(cfg.labelled, rng)
    raw_t, y_t = make_profiles(cfg.test, rng)
    mean, std = raw_u.mean(0), raw_u.std(0)
    x_u, x_l, x_t = (torch.from_numpy((a - mean) / std) for a in (raw_u, raw_l, raw_t))
    y = torch.from_numpy(y_l).long()

    ae = train_autoencoder(cfg, x_u, x_t)
    encoder = ae.encoder.eval().requires_grad_(False)
    code_mean, code_std = encoder(x_u).mean(0), encoder(x_u).std(0)
    encode = lambda x: (encoder(x) - code_mean) / code_std

    n_fit = 300
    clf = train_classifier(cfg, encode(x_l[:n_fit]), y[:n_fit], encode(x_l[n_fit:]), y[n_fit:])
    with torch.no_grad():
        guess = clf(encode(x_t)).argmax(1).numpy()
    print(classification_report(y_t, guess, target_names=KINDS, digits=3))
    pca = make_pipeline(PCA(cfg.code), LogisticRegression(max_iter=500)).fit(x_l.numpy(), y_l)
    log.info("PCA and logistic regression: %.4f", f1_score(y_t, pca.predict(x_t.numpy()), average="macro"))
    print("RESULT macro_f1", round(float(f1_score(y_t, guess, average="macro")), 4))


if __name__ == "__main__":
    main()
