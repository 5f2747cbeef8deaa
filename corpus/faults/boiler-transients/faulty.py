"""Which transient does a boiler pressure record show? Diagonal state-space layers, after the JAX version of the group."""
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)


class DiagonalSSM(nn.Module):
    """Real diagonal state-space model in its convolutional form."""

    def __init__(self, d_model, n_state=4, dt_min=0.005, dt_max=0.05):
        super().__init__()
        log_dt = torch.rand(d_model) * (math.log(dt_max) - math.log(dt_min)) + math.log(dt_min)
        self.log_dt = nn.Parameter(log_dt)
        self.log_a = nn.Parameter(torch.log(torch.arange(1, n_state + 1).float()).repeat(d_model, 1))
        self.c = nn.Parameter(torch.randn(d_model, n_state))
        self.skip = nn.Parameter(torch.ones(d_model))

    def kernel(self, length):
        a = torch.exp(self.log_a)
        da = a * torch.exp(self.log_dt)[:, None]
        weight = self.c * torch.expm1(da) / a
        steps = torch.arange(length, dtype=da.dtype)
        return torch.einsum("dn,dnl->dl", weight, torch.exp(da[:, :, None] * steps))

    def forward(self, u):
        length = u.shape[-1]
        k_f = torch.fft.rfft(self.kernel(length), n=2 * length)
        u_f = torch.fft.rfft(u, n=2 * length)
        y = torch.fft.irfft(u_f * k_f, n=2 * length)[..., :length]
        return y + self.skip[:, None] * u


class TransientNet(nn.Module):
    def __init__(self, n_classes, d_model=20, depth=2):
        super().__init__()
        self.encode = nn.Conv1d(1, d_model, 1)
        self.ssm = nn.ModuleList(DiagonalSSM(d_model) for _ in range(depth))
        self.mix = nn.ModuleList(nn.Conv1d(d_model, d_model, 1) for _ in range(depth))
        self.decode = nn.Linear(2 * d_model, n_classes)

    def forward(self, x):
        h = self.encode(x)
        for ssm, mix in zip(self.ssm, self.mix):
            h = mix(F.gelu(ssm(h)))
        pooled = torch.cat([h.mean(-1), h[..., -1]], dim=1)
        return self.decode(pooled)


def pressure_records(n, length, rng):
    t = np.arange(length)
    kinds = rng.integers(0, 4, n)
    out = np.zeros((n, length), dtype=np.float32)
    for i, k in enumerate(kinds):
        t0 = rng.uniform(0.2, 0.6) * length
        amp = rng.uniform(1.0, 1.8)
        if k == 0:  # step up
            s = amp * (t > t0)
        elif k == 1:  # step down
            s = -amp * (t > t0)
        elif k == 2:  # bump
            s = 1.6 * amp * np.exp(-((t - t0) / 14.0) ** 2)
        else:  # trip and recovery
            s = -1.6 * amp * np.exp(-((t - t0) / 14.0) ** 2)
        out[i] = s + rng.normal(0, 0.3, length)
    return out[:, None], kinds


def main():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    x, y = pressure_records(2000, 160, np.random.default_rng(seed))
    mean, std = x[:1500].mean(), x[:1500].std()
    x = torch.from_numpy((x - mean) / std)
    y = torch.from_numpy(y).long()
    x_tr, y_tr, x_te, y_te = x[:1500], y[:1500], x[1500:], y[1500:]

    net = TransientNet(4)
    opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-3)
    for epoch in range(1, 13):
        net.train()
        total = 0.0
        for b in torch.randperm(len(x_tr)).split(50):
            opt.zero_grad()
            loss = F.cross_entropy(net(x_tr[b]), y_tr[b])
            loss.backward()
            opt.step()
            total += loss.item() * len(b)
        net.eval()
        with torch.no_grad():
            acc = (net(x_te).argmax(1) == y_te).float().mean().item()
        print(f"epoch {epoch:2d} train loss {total / len(x_tr):.4f} test acc {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
