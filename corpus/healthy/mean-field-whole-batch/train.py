"""Two-layer network in the mean-field scaling, whole-batch gradient descent.

    f(x) = 1/m * sum_i a_i tanh(w_i . x + b_i)

Every gradient carries a factor 1/m, so the learning rate has to grow with the width
(Mei, Montanari & Nguyen 2018). We take lr = m exactly: 96 here, no momentum, no batches.
The unit of time is lr/m per step, which makes runs of several widths comparable.
"""
import argparse
import os

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)


class MeanField(torch.nn.Module):
    def __init__(self, d, m, k):
        super().__init__()
        self.m = m
        self.w = torch.nn.Parameter(torch.randn(m, d))
        self.b = torch.nn.Parameter(torch.randn(m))
        self.a = torch.nn.Parameter(torch.randn(m, k))

    def forward(self, x):
        return torch.tanh(torch.addmm(self.b, x, self.w.T)) @ self.a / self.m


def load(seed, n_train):
    x, y = load_digits(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, train_size=n_train, random_state=seed, stratify=y)
    x_tr, x_te = torch.tensor(x_tr, dtype=torch.float32), torch.tensor(x_te, dtype=torch.float32)
    centre = x_tr.mean(0)
    radius = (x_tr - centre).norm(dim=1).mean()
    # inputs of norm about two, whatever the dimension
    return 2 * (x_tr - centre) / radius, torch.tensor(y_tr), 2 * (x_te - centre) / radius, torch.tensor(y_te)


def drift(model, start):
    """How far the units have moved: mean over units, relative to where they began."""
    return ((model.w.detach() - start).norm(dim=1) / start.norm(dim=1)).mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--width", type=int, default=96)
    ap.add_argument("--steps", type=int, default=700)
    ap.add_argument("--n-train", type=int, default=1000)
    ap.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "0")))
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    x_tr, y_tr, x_te, y_te = load(args.seed, args.n_train)
    model = MeanField(x_tr.shape[1], args.width, 10)
    w0 = model.w.detach().clone()
    gd = torch.optim.SGD(model.parameters(), lr=float(args.width))

    for t in range(args.steps + 1):
        loss = torch.nn.functional.cross_entropy(model(x_tr), y_tr)
        if t % 100 == 0:
            with torch.no_grad():
                acc = (model(x_te).argmax(1) == y_te).float().mean().item()
            print(f"time {t:4d}  loss {loss.item():.4f}  test accuracy {acc:.4f}  drift of the units {drift(model, w0):.3f}")
        if t == args.steps:
            break
        gd.zero_grad()
        loss.backward()
        gd.step()

    print("RESULT test_accuracy", round(acc, 4))


if __name__ == "__main__":
    main()
