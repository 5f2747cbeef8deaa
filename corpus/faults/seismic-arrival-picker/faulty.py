import os
import time

import numpy as np
import torch
import torch.nn as nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

CONFIG = {
    "length": 128,
    "patch": 8,
    "dim": 32,
    "heads": 4,
    "depth": 2,
    "train_traces": 2000,
    "test_traces": 500,
    "batch_size": 64,
    "epochs": 25,
    "lr": 3e-3,
}


def make_traces(n, length, rng):
    """Noise with one impulsive arrival; returns traces and the sample of the first motion."""
    k = np.arange(12)
    onset = rng.integers(4, length - 14, n)
    traces = 0.15 * rng.standard_normal((n, length))
    for i, start in enumerate(onset):
        decay, period = rng.uniform(3.0, 5.0), rng.uniform(7.0, 9.0)
        traces[i, start:start + 12] += rng.uniform(1.0, 2.5) * np.exp(-k / decay) * np.sin(2 * np.pi * (k + 1) / period)
    return traces.astype(np.float32), onset.astype(np.float32)


class AttentionPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, tokens):
        weight = torch.softmax(self.score(tokens), dim=1)
        return (weight * tokens).sum(dim=1)


class PatchPicker(nn.Module):
    """Transformer over patches of a trace that gives the arrival time in standard units."""

    def __init__(self, length, patch, dim, heads, depth):
        super().__init__()
        self.patch = patch
        self.patch_embed = nn.Linear(patch, dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, length // patch, dim), requires_grad=False)
        layer = nn.TransformerEncoderLayer(
            dim, heads, dim_feedforward=2 * dim, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, norm=nn.LayerNorm(dim), enable_nested_tensor=False)
        self.pool = AttentionPool(dim)
        self.head = nn.Linear(dim, 1)

    def forward(self, traces):
        patches = traces.unfold(1, self.patch, self.patch)
        tokens = self.patch_embed(patches) + self.pos_embed
        return self.head(self.pool(self.encoder(tokens))).squeeze(-1)


def batches(x, y, size):
    for index in torch.randperm(len(x)).split(size):
        yield x[index], y[index]


@torch.no_grad()
def evaluate(model, x, y, centre, spread):
    model.eval()
    picks = torch.cat([model(part) for part in x.split(250)]) * spread + centre
    r2 = 1 - ((picks - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    return r2.item(), (picks - y).abs().mean().item()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x_train, y_train = map(torch.from_numpy, make_traces(CONFIG["train_traces"], CONFIG["length"], rng))
    x_test, y_test = map(torch.from_numpy, make_traces(CONFIG["test_traces"], CONFIG["length"], rng))
    centre, spread = y_train.mean(), y_train.std()
    level = x_train.std()
    x_train, x_test = x_train / level, x_test / level

    model = PatchPicker(CONFIG["length"], CONFIG["patch"], CONFIG["dim"], CONFIG["heads"], CONFIG["depth"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=CONFIG["lr"], weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, CONFIG["epochs"])
    loss_fn = nn.SmoothL1Loss()

    started = time.time()
    for epoch in range(CONFIG["epochs"]):
        model.train()
        total = 0.0
        for x, y in batches(x_train, y_train, CONFIG["batch_size"]):
            loss = loss_fn(model(x), (y - centre) / spread)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item() * len(x)
        scheduler.step()
        if epoch % 5 == 4:
            r2, mae = evaluate(model, x_test, y_test, centre, spread)
            print(f"epoch {epoch + 1} loss {total / len(x_train):.4f} test R2 {r2:.3f} error {mae:.2f} samples ({time.time() - started:.1f} s)")

    r2, _ = evaluate(model, x_test, y_test, centre, spread)
    print(f"RESULT r2 {r2:.4f}")


if __name__ == "__main__":
    main()
