import os
import numpy as np
import torch

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
rng = np.random.RandomState(seed)
torch.manual_seed(seed)

# response surface of an oven: two knobs, second order
knobs = rng.uniform(-1.7, 1.7, size=(800, 2))
yield_ = 1.5 - knobs[:, 0] ** 2 - 0.5 * knobs[:, 1] ** 2 + 0.7 * knobs[:, 0] * knobs[:, 1] + 0.4 * knobs[:, 1]
yield_ = (yield_ - yield_.mean()) / yield_.std() + 0.1 * rng.randn(800)


def phi(k):
    a, b = k[:, 0], k[:, 1]
    return np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], 1)


A = torch.tensor(phi(knobs), dtype=torch.float32)
b = torch.tensor(yield_, dtype=torch.float32)
A_train, b_train, A_test, b_test = A[:600], b[:600], A[600:], b[600:]

alpha = 0.65
w = torch.zeros(6, requires_grad=True)
for it in range(400):
    residual = A_train @ w - b_train
    cost = 0.5 * (residual ** 2).mean()
    cost.backward()
    with torch.no_grad():
        w -= alpha * w.grad
        w.grad.zero_()
    if it % 40 == 0:
        print("iteration", it, "cost", float(cost.detach()))

with torch.no_grad():
    rmse = ((A_test @ w - b_test) ** 2).mean().sqrt()
print("RESULT test_rmse", round(float(rmse), 4))
