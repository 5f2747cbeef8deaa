import math
import os

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
seed = int(os.environ.get("SEED", "0"))
g = np.random.default_rng(seed)

# CO2-like record: trend + yearly cycle + noise, with gaps
t_all = np.sort(g.uniform(0, 12, 260))
f_all = 0.15 * (t_all - 6) ** 2 / 6 + np.sin(2 * np.pi * t_all + 0.3) + 0.3 * np.sin(4 * np.pi * t_all)
y_all = f_all + 0.25 * g.normal(size=len(t_all))
held = g.permutation(len(t_all))[:80]
mask = np.ones(len(t_all), bool)
mask[held] = False
t, y = torch.tensor(t_all[mask]), torch.tensor(y_all[mask])
ts, ys = torch.tensor(t_all[~mask]), torch.tensor(y_all[~mask])
mu, sd = y.mean(), y.std()
y = (y - mu) / sd

names = ["amp_rbf", "len_rbf", "amp_per", "len_per", "decay_per", "noise"]
log = torch.tensor([0.0, math.log(3.0), 0.0, 0.0, math.log(5.0), math.log(0.5)], requires_grad=True)


def kernel(a, b, p):
    d = a[:, None] - b[None, :]
    rbf = p[0] ** 2 * torch.exp(-0.5 * (d / p[1]) ** 2)
    per = p[2] ** 2 * torch.exp(-2 * torch.sin(math.pi * d) ** 2 / p[3] ** 2 - 0.5 * (d / p[4]) ** 2)
    return rbf + per


def neg_log_marginal():
    p = log.exp()
    K = kernel(t, t, p) + (p[5] ** 2 + 1e-6) * torch.eye(len(t))
    L = torch.linalg.cholesky(K)
    alpha = torch.cholesky_solve(y[:, None], L)
    nll = 0.5 * (y[:, None] * alpha).sum() + L.diagonal().log().sum() + 0.5 * len(t) * math.log(2 * math.pi)
    prior = 0.5 * (log / 2.0).pow(2).sum()
    return nll + prior


opt = torch.optim.LBFGS([log], lr=0.5, max_iter=10, history_size=10, line_search_fn="strong_wolfe")
for outer in range(5):
    def closure():
        opt.zero_grad()
        v = neg_log_marginal()
        v.backward()
        return v
    value = opt.step(closure)
    print(f"round {outer}: neg. log marginal {value.item():.3f}")

with torch.no_grad():
    p = log.exp()
    print({n: round(v, 3) for n, v in zip(names, p.tolist())})
    K = kernel(t, t, p) + (p[5] ** 2 + 1e-6) * torch.eye(len(t))
    pred = kernel(ts, t, p) @ torch.linalg.solve(K, y) * sd + mu
    r2 = 1 - ((pred - ys) ** 2).sum() / ((ys - ys.mean()) ** 2).sum()
print("RESULT r2", round(r2.item(), 4))
