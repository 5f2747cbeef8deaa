"""Which appliance is running? Band energies of short sounds, a net with 3-bit activations.

The quantiser is PACT (Choi et al. 2018): clip at a learned level alpha, round to 2^k - 1
steps, straight-through gradient. Forward and backward are spelled out in an autograd.Function.
"""
import os
from collections import defaultdict

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
RATE, SAMPLES, BANDS = 4000, 512, 32
# fundamental (Hz), number of harmonics, share of hiss, modulation (Hz)
APPLIANCES = {
    "fridge": (50, 4, 0.3, 0), "kettle": (100, 2, 1.0, 0), "blender": (310, 6, 0.6, 30),
    "hood": (150, 3, 0.8, 0), "microwave": (120, 8, 0.3, 0), "grinder": (420, 4, 0.9, 60),
}


class PactQuant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, alpha, levels):
        ctx.save_for_backward(x, alpha)
        step = alpha / levels
        return torch.round(torch.minimum(x.clamp(min=0), alpha) / step) * step

    @staticmethod
    def backward(ctx, grad):
        x, alpha = ctx.saved_tensors
        above = x >= alpha
        grad_x = grad * ((x > 0) & ~above)
        grad_alpha = (grad * above).sum().reshape(alpha.shape)
        return grad_x, grad_alpha, None


class Pact(nn.Module):
    def __init__(self, bits=3, alpha=3.0):
        super().__init__()
        self.levels = 2 ** bits - 1
        self.alpha = nn.Parameter(torch.tensor(alpha))

    def forward(self, x):
        return PactQuant.apply(x, self.alpha, self.levels)


def record(n, rng):
    names = list(APPLIANCES)
    labels = rng.integers(0, len(names), n)
    t = np.arange(SAMPLES) / RATE
    waves = np.empty((n, SAMPLES), dtype=np.float32)
    for i, k in enumerate(labels):
        f0, harmonics, hiss, mod = APPLIANCES[names[k]]
        f0 = f0 * rng.normal(1, 0.03)
        wave = sum(rng.uniform(0.5, 1) / h * np.sin(2 * np.pi * f0 * h * t + rng.uniform(0, 6.28))
                   for h in range(1, harmonics + 1))
        if mod:
            wave = wave * (1 + 0.5 * np.sin(2 * np.pi * mod * t))
        waves[i] = rng.uniform(0.5, 2) * (wave + hiss * rng.normal(0, 0.7, SAMPLES))
    spectrum = torch.fft.rfft(torch.from_numpy(waves)).abs().pow(2)[:, 1:SAMPLES // 2 + 1]
    bands = spectrum.reshape(n, BANDS, -1).mean(2).log()
    return bands - bands.mean(1, keepdim=True), torch.from_numpy(labels)


def unit(a, b):
    return nn.Sequential(nn.Linear(a, b, bias=False), nn.BatchNorm1d(b), Pact())


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x_train, y_train = record(1500, rng)
    x_test, y_test = record(500, rng)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    net = nn.Sequential(unit(BANDS, 64), unit(64, 64), nn.Linear(64, len(APPLIANCES)))
    clips = [m.alpha for m in net.modules() if isinstance(m, Pact)]
    rest = [p for p in net.parameters() if all(p is not c for c in clips)]
    # the decay on alpha pulls the clip down for a finer grid, as in the paper
    opt = torch.optim.SGD([{"params": rest, "weight_decay": 1e-4},
                           {"params": clips, "weight_decay": 1e-3, "lr": 0.01}], lr=0.05, momentum=0.9, nesterov=True)
    epochs = 16
    sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[9, 13], gamma=0.2)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=60, shuffle=True)
    log = defaultdict(list)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(xb), yb)
            loss.backward()
            opt.step()
            total += loss.item() * len(xb)
        sched.step()
        log["loss"].append(total / len(x_train))
        log["alpha"].append([round(c.item(), 3) for c in clips])
        print(f"epoch {epoch + 1:2d} loss {log['loss'][-1]:.4f} clip levels {log['alpha'][-1]}")

    net.eval()
    with torch.no_grad():
        codes = net[0](x_test)
        pred = net(x_test).argmax(1)
    print("distinct activations in layer 1:", len(torch.unique(torch.round(codes / clips[0].detach() * 7))))
    for k, name in enumerate(APPLIANCES):
        print(f"  {name:10s} {(pred[y_test == k] == k).float().mean().item():.3f}")
    print("RESULT test_accuracy", round((pred == y_test).float().mean().item(), 4))


if __name__ == "__main__":
    main()
