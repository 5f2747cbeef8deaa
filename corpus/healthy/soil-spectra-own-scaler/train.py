import os
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
SOILS = ("chernozem", "podzol", "loess", "gley", "rendzina", "peat")


def spectra(n, curves, rng):
    y = rng.integers(0, len(curves), n)
    bands = np.linspace(-1, 1, curves.shape[1])
    x = curves[y] * rng.uniform(0.85, 1.15, (n, 1))
    x = x + 0.1 * rng.normal(size=(n, 1)) + 0.1 * rng.normal(size=(n, 1)) * bands
    return x + 0.12 * rng.normal(size=x.shape), y


def reflectance_curves(rng, bands=80):
    grid = np.linspace(0, 1, bands)
    out = []
    for _ in SOILS:
        centre, height = rng.uniform(0.05, 0.95, 5), rng.uniform(0.4, 1.0, 5)
        out.append((height[:, None] * np.exp(-((grid[None] - centre[:, None]) ** 2) / (2 * 0.06**2))).sum(0))
    return np.array(out)


class OwnScaler:
    """what GradScaler does, spelled out: scale the loss, unscale the gradients, skip a step that overflowed"""

    def __init__(self, scale=2.0**12, interval=150, limit=2.0**18):
        self.scale, self.interval, self.limit = scale, interval, limit
        self.good = 0
        self.skipped = 0

    def backward(self, loss):
        (loss * self.scale).backward()

    @torch.no_grad()
    def unscale(self, params):
        fine = True
        for p in params:
            if p.grad is not None:
                p.grad.mul_(1.0 / self.scale)
                fine = fine and bool(torch.isfinite(p.grad).all())
        return fine

    def update(self, fine):
        if not fine:
            self.scale, self.good = self.scale * 0.5, 0
            self.skipped += 1
            return
        self.good += 1
        if self.good == self.interval:
            self.scale, self.good = min(self.scale * 2, self.limit), 0


class SoilNet(nn.Module):
    def __init__(self, bands, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(bands, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(0.1),
            nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Linear(width, len(SOILS)),
        )

    def forward(self, x):
        return self.net(x)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        guess = model(x).float().argmax(1)
    return (guess == y).float().mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    curves = reflectance_curves(rng)
    (a, ya), (b, yb), (c, yc) = (spectra(n, curves, rng) for n in (1600, 400, 800))
    mean, std = a.mean(0), a.std(0)
    x, x_val, x_test = (torch.tensor((v - mean) / std, dtype=torch.float32) for v in (a, b, c))
    y, y_val, y_test = (torch.tensor(v, dtype=torch.long) for v in (ya, yb, yc))

    model = SoilNet(x.shape[1])
    params = list(model.parameters())
    opt = torch.optim.AdamW(params, lr=1.5e-3, weight_decay=1e-2)
    scaler = OwnScaler()
    best = -1.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soil.pt"
        for epoch in range(12):
            model.train()
            total = 0.0
            for idx in torch.randperm(len(x)).split(50):
                opt.zero_grad(set_to_none=True)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = model(x[idx])
                loss = nn.functional.cross_entropy(logits.float(), y[idx])
                scaler.backward(loss)
                fine = scaler.unscale(params)
                if fine:
                    nn.utils.clip_grad_norm_(params, 1.0)
                    opt.step()
                scaler.update(fine)
                total += loss.item() * len(idx)
            val = evaluate(model, x_val, y_val)
            print(f"epoch {epoch + 1}: loss {total / len(x):.4f} val {val:.4f} scale {scaler.scale:.0f} skipped {scaler.skipped}")
            if val > best:
                best = val
                torch.save({"model": model.state_dict(), "epoch": epoch}, path)
        kept = torch.load(path)
        model.load_state_dict(kept["model"])
        print("kept the weights of epoch", kept["epoch"] + 1)
    print("RESULT test_accuracy", round(evaluate(model, x_test, y_test), 4))


if __name__ == "__main__":
    main()
