"""FixMatch on the small digits: ten labels a class, the rest without. A confident guess on a weakly shifted picture
is the target for a strongly disturbed copy of the same picture."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
np.random.seed(SEED)


def load(per_class=10):
    x, y = load_digits(return_X_y=True)
    x = (x / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=400, stratify=y, random_state=SEED)
    keep = np.concatenate([np.flatnonzero(y_tr == c)[:per_class] for c in range(10)])
    rest = np.setdiff1d(np.arange(len(y_tr)), keep)
    t = torch.from_numpy
    return (t(x_tr[keep]), t(y_tr[keep]).long()), (t(x_tr[rest]), t(y_tr[rest]).long()), (t(x_te), t(y_te).long())


def shift(x):
    """Each picture moved by -1, 0 or 1 pixels either way; half of them stay where they are."""
    n = len(x)
    padded = F.pad(x, (1, 1, 1, 1))
    move = (torch.rand(n, 1) < 0.5).long()
    off = 1 + move * torch.randint(-1, 2, (n, 2))
    rows = off[:, :1] + torch.arange(8)
    cols = off[:, 1:] + torch.arange(8)
    picked = padded[torch.arange(n)[:, None, None], 0, rows[:, :, None], cols[:, None, :]]
    return picked.unsqueeze(1)


def weak(x):
    return shift(x) + 0.03 * torch.randn_like(x)


def strong(x):
    """Shift, contrast, grain and a 3x3 hole."""
    n = len(x)
    x = shift(x) * (0.7 + 0.5 * torch.rand(n, 1, 1, 1)) + 0.12 * torch.randn_like(x)
    r, c = torch.randint(0, 6, (n, 1)), torch.randint(0, 6, (n, 1))
    i = torch.arange(8)
    in_r, in_c = (i >= r) & (i < r + 3), (i >= c) & (i < c + 3)
    hole = (in_r[:, :, None] & in_c[:, None, :]).unsqueeze(1)
    return x.masked_fill(hole, 0.0)


def forever(n, size):
    while True:
        for idx in torch.randperm(n).split(size):
            if len(idx) == size:
                yield idx


def make_net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    )


def train(steps=360, n_lab=32, mu=3, threshold=0.9, lambda_u=1.0):
    (xl, yl), (xu, yu), (xt, yt) = load()
    net = make_net()
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: float(np.cos(7 * np.pi * s / (16 * steps))))
    lab, unl = forever(len(xl), n_lab), forever(len(xu), n_lab * mu)

    @torch.no_grad()
    def test():
        net.eval()
        acc = (net(xt).argmax(1) == yt).float().mean().item()
        net.train()
        return acc

    for step in range(1, steps + 1):
        i, j = next(lab), next(unl)
        with torch.no_grad():
            conf, guess = net(weak(xu[j])).softmax(1).max(1)
        mask = (conf >= threshold).float()
        logits = net(torch.cat([weak(xl[i]), strong(xu[j])]))
        on_lab, on_unl = logits[:n_lab], logits[n_lab:]
        sup = F.cross_entropy(on_lab, yl[i])
        unsup = (F.cross_entropy(on_unl, guess, reduction="none") * mask).mean()
        loss = sup + lambda_u * unsup
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        if step % 40 == 0:
            # the hidden labels serve for this line of the log only
            right = ((guess == yu[j]).float() * mask).sum() / mask.sum().clamp(min=1)
            print(f"step {step} sup {sup.item():.4f} unsup {unsup.item():.4f} used {mask.mean().item():.2f} "
                  f"guesses right {right.item():.3f} test {test():.4f}")
    return test()


if __name__ == "__main__":
    print("RESULT test_accuracy", round(train(), 4))
