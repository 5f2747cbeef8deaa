import argparse
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
BEATS = ("normal", "no_p_wave", "wide_qrs", "inverted_t", "double_beat")


def bump(t, centre, width, height):
    return height * np.exp(-0.5 * ((t - centre) / width) ** 2)


def make_beats(n, rng, length=64):
    t = np.arange(length)
    labels = rng.integers(0, len(BEATS), n)
    out = np.zeros((n, length), np.float32)
    for i, lab in enumerate(labels):
        j = rng.normal(0, 1.5)
        p_height = 0.0 if BEATS[lab] == "no_p_wave" else rng.uniform(0.25, 0.4)
        qrs_width = rng.uniform(3.2, 4.2) if BEATS[lab] == "wide_qrs" else rng.uniform(1.2, 1.8)
        t_sign = -1.0 if BEATS[lab] == "inverted_t" else 1.0
        beat = bump(t, 16 + j, 3.0, p_height) + bump(t, 28 + j, qrs_width, rng.uniform(0.9, 1.2))
        beat += bump(t, 44 + j, 4.0, t_sign * rng.uniform(0.3, 0.45))
        if BEATS[lab] == "double_beat":
            beat += bump(t, 56 + j, 1.5, rng.uniform(0.8, 1.1))
        out[i] = beat + rng.normal(0, 0.05, length)
    out = (out - 0.15) / 0.3
    return torch.from_numpy(out), torch.from_numpy(labels)


class BeatTransformer(nn.Module):
    def __init__(self, length=64, patch=8, d_model=32, heads=4, layers=2, dropout=0.1):
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(patch, d_model)
        self.position = nn.Parameter(0.1 * torch.randn(1, length // patch, d_model))
        layer = nn.TransformerEncoderLayer(d_model, heads, dim_feedforward=64, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.classify = nn.Linear(d_model, len(BEATS))

    def forward(self, x):
        tokens = x.view(x.size(0), -1, self.patch)
        h = self.encoder(self.embed(tokens) + self.position)
        return self.classify(h.mean(dim=1))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=40)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x_train, y_train = make_beats(1400, rng)
    x_test, y_test = make_beats(400, rng)

    model = BeatTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    for epoch in range(1, args.epochs + 1):
        model.train()
        running = 0.0
        order = torch.randperm(len(x_train))
        for start in range(0, len(order), args.batch_size):
            idx = order[start:start + args.batch_size]
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        if epoch % 2 == 0:
            print(f"epoch {epoch:2d} loss {running / len(order):.4f} test acc {accuracy(model, x_test, y_test):.4f}")
    print(f"RESULT test_accuracy {accuracy(model, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
