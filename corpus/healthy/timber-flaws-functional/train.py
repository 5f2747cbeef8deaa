"""Flaws of sawn timber (knot, crack, stain, clear) on 16x16 crops.

No nn.Module anywhere: the network is a function of a dict of tensors, the batch norm is
a few lines, the gradients come from torch.autograd.grad and Adam is a function too.
"""
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
rng = np.random.default_rng(SEED)
gen = torch.Generator().manual_seed(SEED)
SIZE, CLASSES = 16, ("clear", "knot", "crack", "stain")


def draw(label):
    yy, xx = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    wobble = 0.6 * np.sin(yy / rng.uniform(3, 6) + rng.uniform(0, 6))
    img = 0.7 + 0.12 * np.sin(rng.uniform(0.8, 1.6) * (xx + wobble) + rng.uniform(0, 6.28))
    cy, cx = rng.uniform(4, 12, 2)
    if label == 1:
        r2 = (yy - cy) ** 2 + (xx - cx) ** 2
        img -= 0.5 * (r2 < rng.uniform(1.8, 3.0) ** 2)
    elif label == 2:
        slope = rng.uniform(-0.4, 0.4)
        on_line = np.abs(xx - cx - slope * (yy - 8)) < 0.7
        top = rng.uniform(0, 4)
        img -= 0.5 * (on_line & (yy > top) & (yy < top + rng.uniform(8, 12)))
    elif label == 3:
        r2 = (yy - cy) ** 2 / rng.uniform(1, 2) + (xx - cx) ** 2
        img -= 0.3 * np.exp(-r2 / (2 * rng.uniform(2.8, 4.0) ** 2))
    return img + rng.normal(0, 0.05, img.shape)


def make(n):
    labels = rng.integers(0, 4, n)
    images = np.stack([draw(k) for k in labels])
    return torch.tensor(images, dtype=torch.float32)[:, None], torch.tensor(labels)


def init_params():
    def he(*shape):
        fan_in = int(np.prod(shape[1:]))
        return torch.randn(*shape, generator=gen) * math.sqrt(2.0 / fan_in)

    p = {
        "conv1": he(12, 1, 3, 3), "g1": torch.ones(12), "b1": torch.zeros(12),
        "conv2": he(24, 12, 3, 3), "g2": torch.ones(24), "b2": torch.zeros(24),
        "fc1": he(32, 24 * 16), "c1": torch.zeros(32),
        "fc2": he(4, 32) * 0.5, "c2": torch.zeros(4),
    }
    return {k: v.requires_grad_() for k, v in p.items()}


def init_stats():
    return {k: (torch.zeros(c), torch.ones(c)) for k, c in (("1", 12), ("2", 24))}


def batch_norm(x, gain, shift, running, training, momentum=0.1, eps=1e-5):
    if training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        with torch.no_grad():
            running[0].lerp_(mean, momentum)
            running[1].lerp_(var, momentum)
    else:
        mean, var = running
    scale = gain * torch.rsqrt(var + eps)
    return x * scale[None, :, None, None] + (shift - mean * scale)[None, :, None, None]


def forward(p, stats, x, training):
    x = F.conv2d(x, p["conv1"], padding=1)
    x = F.max_pool2d(F.relu(batch_norm(x, p["g1"], p["b1"], stats["1"], training)), 2)
    x = F.conv2d(x, p["conv2"], padding=1)
    x = F.max_pool2d(F.relu(batch_norm(x, p["g2"], p["b2"], stats["2"], training)), 2)
    x = F.relu(F.linear(x.flatten(1), p["fc1"], p["c1"]))
    x = F.dropout(x, 0.2, training=training)
    return F.linear(x, p["fc2"], p["c2"])


@torch.no_grad()
def adam(p, grads, state, lr, b1=0.9, b2=0.999, eps=1e-8):
    state["t"] += 1
    c1, c2 = 1 - b1 ** state["t"], 1 - b2 ** state["t"]
    for (name, w), g in zip(p.items(), grads):
        m, v = state["m"][name], state["v"][name]
        m.mul_(b1).add_(g, alpha=1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        w.sub_(lr * (m / c1) / ((v / c2).sqrt() + eps))


def accuracy(p, stats, x, y):
    with torch.no_grad():
        return (forward(p, stats, x, False).argmax(1) == y).float().mean().item()


def main(epochs=10, batch=64, lr=3e-3):
    torch.manual_seed(SEED)  # for the dropout
    x_train, y_train = make(1600)
    x_test, y_test = make(500)
    mu, sd = x_train.mean(), x_train.std()
    x_train, x_test = (x_train - mu) / sd, (x_test - mu) / sd

    params, stats = init_params(), init_stats()
    state = {"t": 0, "m": {k: torch.zeros_like(v) for k, v in params.items()},
             "v": {k: torch.zeros_like(v) for k, v in params.items()}}
    total = epochs * math.ceil(len(x_train) / batch)
    for epoch in range(epochs):
        losses = []
        for idx in torch.randperm(len(x_train), generator=gen).split(batch):
            loss = F.cross_entropy(forward(params, stats, x_train[idx], True), y_train[idx])
            grads = torch.autograd.grad(loss, list(params.values()))
            adam(params, grads, state, lr * 0.5 * (1 + math.cos(math.pi * state["t"] / total)))
            losses.append(loss.item())
        print(f"epoch {epoch + 1:2d}  loss {np.mean(losses):.4f}  held out {accuracy(params, stats, x_test, y_test):.3f}")

    with torch.no_grad():
        pred = forward(params, stats, x_test, False).argmax(1)
    for k, name in enumerate(CLASSES):
        print(f"  recall {name:6s} {(pred[y_test == k] == k).float().mean().item():.3f}")
    return accuracy(params, stats, x_test, y_test)


if __name__ == "__main__":
    print("RESULT test_accuracy", round(main(), 4))
