# Thermal resistance of finned heat sinks from five design parameters.
# Same network as heatsink_np.py, with autograd in place of the hand-written backward pass.
import os

import numpy as np
import torch

torch.set_num_threads(1)

hp = {
    "layers": [5, 48, 48, 1],
    "eta": 0.1,
    "batch": 128,
    "epochs": 20,
    "seed": int(os.environ.get("SEED", 0)),
}


def designs(n, rng):
    """height, count, thickness, base and air speed, each scaled to -1 .. 1"""
    d = rng.uniform(-1, 1, (n, 5))
    h, c, t, b, v = d.T
    conv = 1.0 / (np.exp(0.6 * v) * (1 + 0.45 * h) * (1 + 0.3 * c))
    spread = 0.25 * np.exp(-0.8 * b) + 0.15 * (1 - t) * (1 + 0.3 * h)
    r = conv + spread
    r += rng.normal(0, 0.02, n)
    return d, r


def init_params(sizes, gen):
    params = []
    for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        scale = 1.0 / np.sqrt(n_in)
        if i == len(sizes) - 2:
            scale *= 0.1
        W = (torch.randn(n_in, n_out, generator=gen) * scale).requires_grad_()
        b = torch.zeros(n_out, requires_grad=True)
        params.append([W, b])
    return params


def forward(params, X):
    A = X
    for W, b in params[:-1]:
        A = torch.tanh(A @ W + b)
    W, b = params[-1]
    return A @ W + b


def cost_fn(params, X, Y):
    return ((forward(params, X) - Y) ** 2).mean()


def update(params, eta, m):
    with torch.no_grad():
        for layer in params:
            for w in layer:
                w -= eta * w.grad
                w.grad = None


def score(params, X, Y):
    with torch.no_grad():
        mse = cost_fn(params, X, Y)
        return (1 - mse / Y.var(unbiased=False)).item()


def main():
    rng = np.random.default_rng(hp["seed"])
    gen = torch.Generator().manual_seed(hp["seed"])
    D, r = designs(7500, rng)
    D /= 1 / np.sqrt(3)  # unit variance of a uniform variable on -1 .. 1
    mu, sd = r[:6000].mean(), r[:6000].std()
    X = torch.tensor(D, dtype=torch.float32)
    Y = torch.tensor((r - mu) / sd, dtype=torch.float32)[:, None]
    X_train, Y_train = X[:6000], Y[:6000]
    X_test, Y_test = X[6000:], Y[6000:]

    params = init_params(hp["layers"], gen)
    m = X_train.shape[0]
    for epoch in range(1, hp["epochs"] + 1):
        perm = torch.randperm(m, generator=gen)
        running = 0.0
        for k in range(0, m, hp["batch"]):
            idx = perm[k:k + hp["batch"]]
            cost = cost_fn(params, X_train[idx], Y_train[idx])
            cost.backward()
            update(params, hp["eta"], m)
            running += cost.item() * len(idx)
        if epoch % 4 == 0:
            print(f"epoch {epoch}: cost {running / m:.4f}, test R2 {score(params, X_test, Y_test):.4f}")
    return score(params, X_test, Y_test)


if __name__ == "__main__":
    print("RESULT test_r2", round(main(), 4))
