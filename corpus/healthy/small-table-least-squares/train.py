"""A small network fitted by Levenberg-Marquardt: the whole table at each step, a linear system in place of a learning rate."""
import os

import torch
from sklearn.datasets import make_friedman1
from torch.func import grad, vmap

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

HIDDEN, IN = 12, 5
PENALTY = 1e-3

data, target = make_friedman1(n_samples=900, n_features=IN, noise=0.5, random_state=SEED)
x = torch.tensor((data - 0.5) / 0.289, dtype=torch.float64)
y = torch.tensor(target, dtype=torch.float64)
x_train, y_train, x_test, y_test = x[:500], y[:500], x[500:], y[500:]
mean, std = y_train.mean(), y_train.std()
y_train, y_test = (y_train - mean) / std, (y_test - mean) / std


def net(theta, row):
    a, b, c = HIDDEN * IN, HIDDEN * IN + HIDDEN, HIDDEN * IN + 2 * HIDDEN
    hidden = torch.tanh(theta[:a].view(HIDDEN, IN) @ row + theta[a:b])
    return (theta[b:c] * hidden).sum() + theta[c]


predict = vmap(net, in_dims=(None, 0))
jacobian = vmap(grad(net), in_dims=(None, 0))


def start():
    w1 = torch.randn(HIDDEN * IN, dtype=torch.float64) / IN ** 0.5
    b1 = 0.5 * torch.randn(HIDDEN, dtype=torch.float64)
    w2 = torch.randn(HIDDEN, dtype=torch.float64) / HIDDEN ** 0.5
    return torch.cat([w1, b1, w2, torch.zeros(1, dtype=torch.float64)])


def objective(theta):
    return ((y_train - predict(theta, x_train)) ** 2).sum() + PENALTY * (theta ** 2).sum()


def r2(theta, xs, ys):
    return (1 - ((ys - predict(theta, xs)) ** 2).sum() / ((ys - ys.mean()) ** 2).sum()).item()


def levenberg_marquardt(theta, iterations=100, damping=1.0):
    best = objective(theta)
    refused = 0
    eye = torch.eye(len(theta), dtype=theta.dtype)
    for it in range(1, iterations + 1):
        residual = y_train - predict(theta, x_train)
        j = jacobian(theta, x_train)
        normal = j.t() @ j + (PENALTY + damping) * eye
        step = torch.linalg.solve(normal, j.t() @ residual - PENALTY * theta)
        trial = objective(theta + step)
        if trial < best:
            theta, best = theta + step, trial
            damping = max(damping * 0.3, 1e-6)
        else:
            refused += 1
            damping = min(damping * 4.0, 1e6)
        if it % 20 == 0:
            print(f"iteration {it}: objective {best.item():.4f} damping {damping:.1e} refused {refused} "
                  f"r2 train {r2(theta, x_train, y_train):.4f} test {r2(theta, x_test, y_test):.4f}")
    return theta


theta = levenberg_marquardt(start())
print(f"RESULT test_r2 {r2(theta, x_test, y_test):.4f}")
