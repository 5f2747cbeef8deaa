import os

import torch
from sklearn.datasets import make_friedman1

torch.set_num_threads(1)
g = torch.Generator().manual_seed(int(os.environ.get("SEED", 0)))

X, t = make_friedman1(n_samples=2400, n_features=8, noise=0.5, random_state=int(os.environ.get("SEED", 0)))
X = torch.from_numpy(X).float()
t = torch.from_numpy(t).float()
X = (X - X[:2000].mean(0)) / X[:2000].std(0)
t_mean, t_std = t[:2000].mean(), t[:2000].std()
t = (t - t_mean) / t_std

sizes = [8, 40, 40, 1]
params = []
for n_in, n_out in zip(sizes[:-1], sizes[1:]):
    w = torch.randn(n_in, n_out, generator=g) * n_in ** -0.5
    params += [w.requires_grad_(), torch.zeros(n_out, requires_grad=True)]
velocity = [torch.zeros_like(p) for p in params]


def predict(v):
    w1, b1, w2, b2, w3, b3 = params
    v = torch.tanh(v @ w1 + b1)
    v = torch.tanh(v @ w2 + b2)
    return (v @ w3 + b3).squeeze(1)


def sgd_step(lr, mu=0.9):
    with torch.no_grad():
        for p, v in zip(params, velocity):
            v.mul_(mu).add_(p.grad)
            p -= lr * v
            p.grad = None


for epoch in range(1, 61):
    lr = 0.02 if epoch < 45 else 0.004
    running = 0.0
    for idx in torch.randperm(2000, generator=g).split(50):
        loss = (predict(X[idx]) - t[idx]).square().mean()
        loss.backward()
        sgd_step(lr)
        running += float(loss.detach()) / 40
    if epoch % 10 == 0:
        print(f"{epoch:3d}  mse {running:.4f}")

with torch.no_grad():
    err = (predict(X[2000:]) - t[2000:]).square().mean()
    r2 = 1 - err / t[2000:].var()
print(f"RESULT r2 {r2.item():.4f}")
