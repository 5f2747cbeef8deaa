"""How alike are two service notes? Siamese encoder, cosine of the two vectors against the score of the annotators."""
import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)

VOCAB, TOPICS, LENGTH = 240, 6, 24


def annotated_pairs(n, rng):
    theta = rng.dirichlet(np.full(TOPICS, 0.25), (n, 2))
    topic = np.stack([[rng.choice(TOPICS, LENGTH, p=theta[i, j]) for j in range(2)] for i in range(n)])
    word = topic + TOPICS * rng.integers(0, VOCAB // TOPICS, topic.shape)
    stray = rng.random(topic.shape) < 0.08
    word[stray] = rng.integers(0, VOCAB, stray.sum())
    norm = np.linalg.norm(theta, axis=2)
    alike = (theta[:, 0] * theta[:, 1]).sum(1) / (norm[:, 0] * norm[:, 1])
    return pd.DataFrame({"left": list(word[:, 0]), "right": list(word[:, 1]), "score": alike})


class PairDataset(Dataset):
    def __init__(self, frame):
        self.left = torch.tensor(np.stack(frame["left"].tolist()))
        self.right = torch.tensor(np.stack(frame["right"].tolist()))
        self.score = torch.tensor(frame[["score"]].values, dtype=torch.float32)

    def __len__(self):
        return len(self.score)

    def __getitem__(self, i):
        return self.left[i], self.right[i], self.score[i]


class NoteEncoder(nn.Module):
    def __init__(self, dim=24, out=16):
        super().__init__()
        self.words = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(dim, 48), nn.GELU(), nn.Linear(48, out))

    def forward(self, tokens):
        return self.mlp(self.words(tokens))


class SimilarityModel(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, left, right):
        return F.cosine_similarity(self.encoder(left), self.encoder(right), dim=-1)


class LogCosh(nn.Module):
    def forward(self, prediction, target):
        d = prediction - target
        return (d + F.softplus(-2.0 * d) - np.log(2.0)).mean()


def r2_score(model, loader):
    model.eval()
    pred, true = [], []
    with torch.no_grad():
        for left, right, score in loader:
            pred.append(model(left, right))
            true.append(score.flatten())
    pred, true = torch.cat(pred), torch.cat(true)
    return (1 - ((pred - true) ** 2).mean() / true.var(unbiased=False)).item()


def main():
    seed = int(os.environ.get("SEED", "0"))
    torch.manual_seed(seed)
    frame = annotated_pairs(4000, np.random.default_rng(seed))
    train_loader = DataLoader(PairDataset(frame.iloc[:3200]), batch_size=64, shuffle=True)
    test_loader = DataLoader(PairDataset(frame.iloc[3200:]), batch_size=256)

    model = SimilarityModel(NoteEncoder())
    criterion = LogCosh()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=14)
    for epoch in range(14):
        model.train()
        total = 0.0
        for left, right, score in train_loader:
            loss = criterion(model(left, right), score)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        print(f"epoch {epoch + 1:2d} loss {total / len(train_loader):.5f} test r2 {r2_score(model, test_loader):.4f}")
    print(f"RESULT test_r2 {r2_score(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
