import os

import numpy as np
import torch

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


# hours slept, studied, spent on a screen and played on the day before; marks out of 50
def students(n):
    hours = np.column_stack([rng.uniform(3, 10, n), rng.uniform(0, 10, n), rng.uniform(0, 8, n), rng.uniform(0, 6, n)])
    score = 0.35 * (hours[:, 0] - 6) + 0.45 * (hours[:, 1] - 4) - 0.3 * (hours[:, 2] - 3) + 0.1 * (hours[:, 3] - 3)
    marks = 50 / (1 + np.exp(-score)) + rng.normal(0, 1.0, n)
    return torch.tensor(hours, dtype=torch.float32), torch.tensor(marks.clip(0, 50)[:, None], dtype=torch.float32)


xs, Ms = students(200)
xs_new, Ms_new = students(100)

w1 = torch.randn(4, 2, requires_grad=True)
b1 = torch.zeros(2, requires_grad=True)
w2 = torch.randn(2, 1, requires_grad=True)
b2 = torch.zeros(1, requires_grad=True)


def feed_forward(x, w, b):
    return torch.sigmoid(x @ w + b)


def predict(x):
    return 50 * feed_forward(feed_forward(x, w1, b1), w2, b2)


train_step = torch.optim.SGD([w1, b1, w2, b2], lr=0.0005)

for i in range(5000):
    J = (predict(xs) - Ms).square().mean()
    train_step.zero_grad()
    J.backward()
    train_step.step()
    if (i + 1) % 500 == 0:
        print(f"{i + 1:5d} J = {J.item():.3f}")

with torch.no_grad():
    M_hat = predict(xs_new)
print("three students:", [round(v, 2) for v in M_hat[:3, 0].tolist()])
print(f"RESULT mean_absolute_error {(M_hat - Ms_new).abs().mean().item():.4f}")
