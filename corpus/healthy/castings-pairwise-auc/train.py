"""Rank castings by risk. Two in a hundred crack; inspectors can look at a few only, so what counts is the order.

Trained on pairs: every cracked casting of the training set against a sample of sound ones, at each step.
"""
import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--castings", type=int, default=9000)
    p.add_argument("--rate", type=float, default=0.02)
    p.add_argument("--sound-per-step", type=int, default=256)
    p.add_argument("--steps", type=int, default=400)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--weight-decay", type=float, default=1e-2)
    p.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    return p.parse_args([])


def load(args):
    rng = np.random.default_rng(args.seed)
    names = ["melt_temp", "pour_speed", "sand_moisture", "gate_area", "mould_age", "sulphur", "shift", "hall_temp", "carbon", "vibration"]
    z = rng.standard_normal((args.castings, len(names)))
    risk = 1.2 * z[:, 0] - 1.0 * z[:, 1] + 0.9 * np.abs(z[:, 2]) + 0.5 * z[:, 3] * z[:, 4] + 0.4 * rng.standard_normal(len(z))
    cracked = (risk > np.quantile(risk, 1 - args.rate)).astype(int)
    units = np.array([40, 0.3, 0.8, 2.0, 15, 0.01, 1, 6, 0.2, 3.0])
    zero = np.array([1420, 1.5, 3.5, 12, 60, 0.08, 0, 22, 3.4, 9.0])
    return z * units + zero, cracked


class Scorer(nn.Module):
    """One number per casting. Only differences of scores matter, hence no bias at the end."""

    def __init__(self, n_in, hidden=32):
        super().__init__()
        self.hidden = nn.Linear(n_in, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, x):
        return self.score(F.relu(self.hidden(x))).squeeze(1)


def pair_loss(risky, sound):
    margins = risky[:, None] - sound[None, :]  # every cracked one against every sound one
    return F.softplus(-margins).mean()


def main():
    args = get_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    x, y = load(args)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.35, stratify=y, random_state=args.seed)
    scaler = StandardScaler().fit(x_train)
    x_train = torch.tensor(scaler.transform(x_train), dtype=torch.float32)
    x_test = torch.tensor(scaler.transform(x_test), dtype=torch.float32)

    cracked = x_train[torch.tensor(y_train == 1)]
    sound = x_train[torch.tensor(y_train == 0)]
    print(f"{len(cracked)} cracked and {len(sound)} sound castings to learn from")

    model = Scorer(x_train.shape[1])
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)

    for step in range(1, args.steps + 1):
        model.train()
        sample = sound[torch.randint(0, len(sound), (args.sound_per_step,))]
        loss = pair_loss(model(cracked), model(sample))
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                auc = roc_auc_score(y_test, model(x_test).numpy())
            print(f"step {step:4d} | pair loss {loss.item():.4f} | auc {auc:.4f}")

    model.eval()
    with torch.no_grad():
        scores = model(x_test).numpy()
    print(f"average precision {average_precision_score(y_test, scores):.4f}, chance {y_test.mean():.4f}")
    print("RESULT test_auc", round(float(roc_auc_score(y_test, scores)), 4))


main()
