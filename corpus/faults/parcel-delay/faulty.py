"""Will a parcel be on time, a day late or later? Categorical embeddings with a small network."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

LEVELS = {
    "carrier": ["ant", "bee", "crow", "dove", "elk", "fox", "gull"],
    "origin": [f"hub-{k:02d}" for k in range(14)],
    "destination": [f"zone-{k:02d}" for k in range(18)],
    "service": ["economy", "standard", "express", "overnight", "locker"],
    "weekday": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
}
NUMERIC = ["weight_kg", "distance_km"]


def shipments(n, rng):
    frame = pd.DataFrame({name: rng.choice(levels, n) for name, levels in LEVELS.items()})
    frame["weight_kg"] = rng.gamma(2.0, 1.5, n)
    frame["distance_km"] = rng.uniform(20, 900, n)
    score = 0.4 * (frame["weight_kg"] - 3) / 2 + 0.6 * (frame["distance_km"] - 460) / 250
    for name, levels in LEVELS.items():
        effect = dict(zip(levels, rng.standard_normal(len(levels))))
        score = score + frame[name].map(effect).astype(float)
    score = score + 0.3 * rng.standard_normal(n)
    frame["delay"] = np.digitize(score, np.quantile(score, [1 / 3, 2 / 3]))
    return frame


class Encoder:
    """Turns a frame into the tensors the network takes."""

    def fit(self, frame):
        self.mean, self.std = frame[NUMERIC].mean(), frame[NUMERIC].std()
        return self

    def transform(self, frame):
        columns = []
        for name in LEVELS:
            codes = pd.factorize(frame[name])[0]
            columns.append(np.asarray(codes, dtype=np.int64))
        numbers = ((frame[NUMERIC] - self.mean) / self.std).to_numpy(dtype=np.float32)
        return torch.from_numpy(np.stack(columns, axis=1)), torch.from_numpy(numbers), torch.tensor(frame["delay"].to_numpy())


class DelayNet(nn.Module):
    def __init__(self, dim=6, hidden=64, dropout=0.05):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(len(levels), dim) for levels in LEVELS.values())
        self.body = nn.Sequential(
            nn.Linear(dim * len(LEVELS) + len(NUMERIC), hidden), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(hidden, 3),
        )

    def forward(self, codes, numbers):
        parts = [table(codes[:, k]) for k, table in enumerate(self.tables)]
        return self.body(torch.cat(parts + [numbers], dim=1))


def accuracy(model, data):
    codes, numbers, delay = data
    model.eval()
    with torch.no_grad():
        return (model(codes, numbers).argmax(1) == delay).float().mean().item()


def main():
    torch.manual_seed(SEED)
    frame = shipments(5000, np.random.default_rng(SEED))
    train_frame, test_frame = train_test_split(frame, test_size=0.2, random_state=SEED)
    encoder = Encoder().fit(train_frame)
    train, test = encoder.transform(train_frame), encoder.transform(test_frame)

    model = DelayNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-5)
    criterion = nn.CrossEntropyLoss()
    codes, numbers, delay = train
    for epoch in range(10):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(delay)).split(64):
            optimizer.zero_grad()
            loss = criterion(model(codes[rows], numbers[rows]), delay[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        print(f"epoch {epoch + 1:2d}: loss {total / len(delay):.4f}  train {accuracy(model, train):.4f}"
              f"  test {accuracy(model, test):.4f}")
    print(f"RESULT test_accuracy {accuracy(model, test):.4f}")


if __name__ == "__main__":
    main()
