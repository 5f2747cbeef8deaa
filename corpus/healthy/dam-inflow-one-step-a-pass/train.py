"""Inflow of a dam for the next day, from an archive that is read piece by piece.

Rprop wants the gradient of the whole archive, so a pass over all pieces adds it up and ends in one step.
"""
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

PIECES, DAYS_IN_PIECE, TEST_PIECES, PASSES = 8, 300, 2, 160


def write_archive(folder, n, rng, prefix):
    paths = []
    for k in range(n):
        season = rng.uniform(0, 2 * np.pi, DAYS_IN_PIECE)
        rain = rng.gamma(0.6, 8.0, (DAYS_IN_PIECE, 3))          # mm, the last three days
        wet = rng.beta(2, 2, DAYS_IN_PIECE)                       # soil
        temp = 9 + 10 * np.sin(season) + rng.normal(0, 3, DAYS_IN_PIECE)
        snow = np.clip(60 - 5 * temp + rng.normal(0, 20, DAYS_IN_PIECE), 0, None)
        melt = 1.2 * np.clip(temp, 0, None) * (snow > 0) * np.minimum(1, snow / 20)
        runoff = rain[:, 0] * (0.3 + 0.9 * wet) + 0.5 * rain[:, 1] * wet + 0.2 * rain[:, 2]
        inflow = (4 + runoff + melt) * np.exp(rng.normal(0, 0.06, DAYS_IN_PIECE))
        x = np.column_stack([np.sqrt(rain), wet, temp, np.sqrt(snow), np.sin(season), np.cos(season)])
        path = folder / f"{prefix}_{k:02d}.npz"
        np.savez(path, x=x.astype(np.float32), inflow=inflow.astype(np.float32))
        paths.append(path)
    return paths


def read(path):
    with np.load(path) as z:
        return z["x"], np.log(z["inflow"])


def moments(paths):
    n, sx, sxx, sy, syy = 0, 0.0, 0.0, 0.0, 0.0
    for p in paths:
        x, y = read(p)
        x, y = x.astype(np.float64), y.astype(np.float64)
        n += len(x)
        sx, sxx = sx + x.sum(0), sxx + (x ** 2).sum(0)
        sy, syy = sy + y.sum(), syy + (y ** 2).sum()
    mx, my = sx / n, sy / n
    return n, mx, np.sqrt(sxx / n - mx ** 2), my, float(np.sqrt(syy / n - my ** 2))


class Archive:
    def __init__(self, paths, scaling):
        self.paths = paths
        self.n, self.mx, self.dx, self.my, self.dy = scaling

    def __iter__(self):
        for p in self.paths:
            x, y = read(p)
            yield (torch.tensor((x - self.mx) / self.dx, dtype=torch.float32),
                   torch.tensor((y - self.my) / self.dy, dtype=torch.float32))


def held_out_r2(model, archive):
    with torch.no_grad():
        pairs = [(model(x).squeeze(1), y) for x, y in archive]
    pred, y = torch.cat([p for p, _ in pairs]), torch.cat([t for _, t in pairs])
    return 1 - (((pred - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()).item()


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        train_paths = write_archive(folder, PIECES, rng, "days")
        test_paths = write_archive(folder, TEST_PIECES, rng, "later")
        scaling = moments(train_paths)
        train, later = Archive(train_paths, scaling), Archive(test_paths, scaling)

        model = nn.Sequential(nn.Linear(8, 24), nn.Tanh(), nn.Linear(24, 1))
        optimizer = torch.optim.Rprop(model.parameters(), lr=5e-3, step_sizes=(1e-6, 0.5))
        for n_pass in range(1, PASSES + 1):
            optimizer.zero_grad()
            total = 0.0
            for x, y in train:
                loss = ((model(x).squeeze(1) - y) ** 2).sum() / train.n
                loss.backward()
                total += loss.item()
            optimizer.step()
            if n_pass % 40 == 0:
                torch.save({"pass": n_pass, "model": model.state_dict()}, folder / "last.pt")
                print(f"pass {n_pass}: mean square {total:.4f}  later days r2 {held_out_r2(model, later):.4f}")

        saved = torch.load(folder / "last.pt")
        model.load_state_dict(saved["model"])
        print("RESULT test_r2", round(held_out_r2(model, later), 4))


if __name__ == "__main__":
    main()
