# Which crop grows on a field, from a year of monthly greenness. Labels come from farmers' declarations, of which two in
# five are wrong. Two networks are trained at once; each picks, from every batch, the examples it believes, and the OTHER
# one learns from them (co-teaching, Han et al. 2018).
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CROPS = {  # month of the peak, width in months, height
    "winter wheat": (5.0, 1.2, 0.60),
    "maize": (7.6, 1.2, 0.60),
    "sugar beet": (7.0, 2.4, 0.55),
    "catch crop": (9.6, 1.5, 0.45),
    "meadow": (6.2, 4.5, 0.30),
}
WRONG = 0.4
EPOCHS, BATCH, RAMP = 20, 128, 6


def fields(rng, n):
    kind = rng.integers(0, len(CROPS), n)
    peak, width, height = np.array(list(CROPS.values()))[kind].T[:, :, None]
    month = np.arange(1, 13)[None]
    peak = peak + 0.3 * rng.standard_normal((n, 1))
    height = height * rng.uniform(0.8, 1.2, (n, 1))
    curve = 0.2 + height * np.exp(-0.5 * ((month - peak) / width) ** 2) + 0.05 * rng.standard_normal((n, 12))
    return curve, kind


def declare(rng, kind):
    """What the farmer wrote down."""
    wrong = rng.random(len(kind)) < WRONG
    other = (kind + rng.integers(1, len(CROPS), len(kind))) % len(CROPS)
    return np.where(wrong, other, kind)


def make_net():
    return nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, len(CROPS)))


def believed(net, x, y, share):
    """Indices of the examples with the smallest loss."""
    with torch.no_grad():
        loss = F.cross_entropy(net(x), y, reduction="none")
    return loss.argsort()[: int(share * len(x))]


def update(net, opt, x, y):
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def report(nets, x, y):
    with torch.no_grad():
        logits = [net(x) for net in nets]
        loss = sum(F.cross_entropy(l, y).item() for l in logits) / len(nets)
        vote = sum(l.softmax(dim=1) for l in logits).argmax(dim=1)
        agree = (logits[0].argmax(1) == logits[1].argmax(1)).float().mean().item()
    return loss, (vote == y).float().mean().item(), agree


def main():
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    curves, kind = fields(rng, 4000)
    declared = declare(rng, kind)
    n = 3000
    mean, std = curves[:n].mean(0), curves[:n].std(0)
    x = torch.tensor((curves - mean) / std, dtype=torch.float32)
    x_train, y_train = x[:n], torch.tensor(declared[:n])
    x_test, y_test = x[n:], torch.tensor(kind[n:])  # checked on the ground
    print(f"{(declared[:n] == kind[:n]).mean():.3f} of the declarations are right")

    first, second = make_net(), make_net()
    opt_first = torch.optim.Adam(first.parameters(), lr=1e-3)
    opt_second = torch.optim.Adam(second.parameters(), lr=1e-3)

    for epoch in range(EPOCHS):
        share = 1 - WRONG * min(1.0, epoch / RAMP)
        order = torch.randperm(n)
        for start in range(0, n - BATCH + 1, BATCH):
            idx = order[start:start + BATCH]
            xb, yb = x_train[idx], y_train[idx]
            by_first, by_second = believed(first, xb, yb, share), believed(second, xb, yb, share)
            update(first, opt_first, xb[by_second], yb[by_second])
            update(second, opt_second, xb[by_first], yb[by_first])

        on_all, _, _ = report((first, second), x_train, y_train)
        on_test, accuracy, agree = report((first, second), x_test, y_test)
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1:2d}  kept {share:.2f}  loss on declarations {on_all:.3f}, on the ground {on_test:.3f}  accuracy {accuracy:.4f}  agree {agree:.3f}")

    print("RESULT test_accuracy", round(report((first, second), x_test, y_test)[1], 4))


if __name__ == "__main__":
    main()
