"""Black-box model of a guitar amplifier: sixteen dry samples and two knobs in, one wet sample out.

Residual blocks conditioned on the knobs by adaptive layer norm, begun at zero as in DiT (Peebles & Xie, 2022).
Three cosine cycles with warm restarts, a checkpoint at the end of each.
"""
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
WINDOW = 16


def record(n, rng):
    t = np.arange(WINDOW)
    dry = 0.05 * rng.normal(size=(n, WINDOW))
    for _ in range(2):
        amp, freq, phase = rng.uniform(0.2, 1.0, (n, 1)), rng.uniform(0.02, 0.3, (n, 1)), rng.uniform(0, 1, (n, 1))
        dry = dry + amp * np.sin(2 * np.pi * (freq * t + phase))
    drive, tone = rng.uniform(0, 1, (n, 1)), rng.uniform(0, 1, (n, 1))
    a = 0.85 * tone
    kernel = (1 - a) * a ** np.arange(WINDOW - 1, -1, -1)
    wet = np.tanh((1 + 5 * drive) * (kernel * dry).sum(1, keepdims=True)) + 0.01 * rng.normal(size=(n, 1))
    knobs = np.concatenate([drive, tone], 1) * 2 - 1
    return TensorDataset(*(torch.tensor(a, dtype=torch.float32) for a in (dry, knobs, wet)))


def loader(data, size):
    sampler = BatchSampler(RandomSampler(data), batch_size=size, drop_last=True)
    return DataLoader(data, sampler=sampler, batch_size=None)        # the sampler hands over whole batches


def modulate(x, shift, scale):
    return x * (1 + scale) + shift


class AdaBlock(nn.Module):
    def __init__(self, dim, mult=2):
        super().__init__()
        self.norm = nn.LayerNorm(dim, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(dim, mult * dim), nn.GELU(), nn.Linear(mult * dim, dim))
        self.ada = nn.Sequential(nn.SiLU(), nn.Linear(dim, 3 * dim))

    def forward(self, x, c):
        shift, scale, gate = self.ada(c).chunk(3, dim=-1)
        return x + gate * self.mlp(modulate(self.norm(x), shift, scale))


class AmpModel(nn.Module):
    def __init__(self, dim=48, depth=3):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(WINDOW, dim), nn.GELU(), nn.Linear(dim, dim))
        self.knobs = nn.Sequential(nn.Linear(2, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.blocks = nn.ModuleList(AdaBlock(dim) for _ in range(depth))
        self.final = nn.Linear(dim, 1)
        self.zero_out()

    def zero_out(self):
        for block in self.blocks:
            nn.init.zeros_(block.ada[-1].weight)
            nn.init.zeros_(block.ada[-1].bias)
        nn.init.zeros_(self.final.weight)
        nn.init.zeros_(self.final.bias)

    def forward(self, dry, knobs):
        x, c = self.embed(dry), self.knobs(knobs)
        for block in self.blocks:
            x = block(x, c)
        return self.final(x)


@torch.no_grad()
def r2(model, data):
    dry, knobs, wet = data.tensors
    model.eval()
    err = (model(dry, knobs) - wet).pow(2).sum()
    model.train()
    return (1 - err / (wet - wet.mean()).pow(2).sum()).item()


def endless(batches):
    while True:
        yield from batches


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    train, valid, test = record(5000, rng), record(600, rng), record(1000, rng)

    model = AmpModel()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=150, T_mult=2, eta_min=0.0)
    ends, best = {150, 450, 1050}, (-np.inf, None)
    stream = endless(loader(train, 125))
    with tempfile.TemporaryDirectory() as folder:
        for step in range(1, 1051):
            dry, knobs, wet = next(stream)
            loss = nn.functional.mse_loss(model(dry, knobs), wet)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            if step % 75 == 0:
                print(f"step {step:4d}  lr {opt.param_groups[0]['lr']:.2e}  loss {loss.item():.5f}")
            if step in ends:
                score, path = r2(model, valid), Path(folder) / f"cycle{step}.pt"
                torch.save(model.state_dict(), path)
                print(f"end of a cycle: valid r2 {score:.4f}")
                best = max(best, (score, path), key=lambda b: b[0])
        model.load_state_dict(torch.load(best[1]))
    print("RESULT r2", round(r2(model, test), 4))


if __name__ == "__main__":
    main()
