"""Vowels of many speakers. Errors reach the hidden layers through fixed random matrices (direct feedback alignment)."""
import os

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

#            heed   head   had    father  who'd  heard
FORMANTS = np.array([
    [270.0, 2290.0, 3010.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [300.0, 870.0, 2240.0],
    [490.0, 1350.0, 1690.0],
])


def speakers(n):
    vowel = rng.integers(0, len(FORMANTS), n)
    tract = rng.uniform(0.87, 1.15, (n, 1))                    # long and short vocal tracts
    formants = FORMANTS[vowel] * tract * (1 + 0.03 * rng.standard_normal((n, 3)))
    pitch = 130 * tract ** 3 * (1 + 0.05 * rng.standard_normal((n, 1)))
    table = np.log(np.concatenate([formants, pitch], 1))
    return torch.tensor(table, dtype=torch.float32), torch.tensor(vowel)


x_train, y_train = speakers(2400)
x_test, y_test = speakers(800)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

N_IN, H, N_OUT = 4, 64, len(FORMANTS)
LR, MOMENTUM, BATCH, EPOCHS = 0.05, 0.9, 50, 30


def glorot(a, b):
    return torch.randn(a, b) * (2.0 / (a + b)) ** 0.5


params = {
    "w1": glorot(N_IN, H), "b1": torch.zeros(H),
    "w2": glorot(H, H), "b2": torch.zeros(H),
    "w3": glorot(H, N_OUT), "b3": torch.zeros(N_OUT),
}
velocity = {k: torch.zeros_like(v) for k, v in params.items()}
feedback1 = 0.4 * torch.randn(N_OUT, H)
feedback2 = 0.4 * torch.randn(N_OUT, H)


def forward(x):
    h1 = torch.tanh(x @ params["w1"] + params["b1"])
    h2 = torch.tanh(h1 @ params["w2"] + params["b2"])
    return h1, h2, torch.softmax(h2 @ params["w3"] + params["b3"], dim=1)


def accuracy(x, y):
    return (forward(x)[2].argmax(1) == y).float().mean().item()


for epoch in range(EPOCHS):
    loss_sum = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH):
        x, y = x_train[idx], y_train[idx]
        h1, h2, p = forward(x)
        loss_sum += -torch.log(p[torch.arange(len(y)), y].clamp(min=1e-9)).sum().item()

        error = (p - torch.eye(N_OUT)[y]) / len(y)
        d2 = (error @ feedback2) * (1 - h2 ** 2)
        d1 = (error @ feedback1) * (1 - h1 ** 2)
        grads = {
            "w3": h2.t() @ error, "b3": error.sum(0),
            "w2": h1.t() @ d2, "b2": d2.sum(0),
            "w1": x.t() @ d1, "b1": d1.sum(0),
        }
        for k, g in grads.items():
            velocity[k].mul_(MOMENTUM).add_(g)
            params[k].sub_(LR * velocity[k])
    if (epoch + 1) % 6 == 0:
        true_back = params["w3"].t().flatten()
        agree = torch.nn.functional.cosine_similarity(true_back, feedback2.flatten(), dim=0).item()
        print(f"epoch {epoch + 1}: loss {loss_sum / len(x_train):.4f} test {accuracy(x_test, y_test):.4f} alignment {agree:.3f}")

print(f"RESULT test_accuracy {accuracy(x_test, y_test):.4f}")
