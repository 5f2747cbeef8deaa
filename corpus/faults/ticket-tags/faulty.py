"""Tags for support tickets: several tags may apply to one ticket."""
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score

torch.set_num_threads(1)

CFG = dict(
    tags=8,
    vocabulary=80,
    words_per_tag=9,
    train=1600,
    test=500,
    hidden=64,
    lr=3e-3,
    epochs=20,
    batch=40,
    seed=int(os.environ.get("SEED", 0)),
)


def make_tickets(cfg):
    rng = np.random.default_rng(cfg["seed"])
    rates = np.zeros((cfg["tags"], cfg["vocabulary"]))
    for tag in range(cfg["tags"]):
        words = rng.choice(cfg["vocabulary"], cfg["words_per_tag"], replace=False)
        rates[tag, words] = rng.uniform(0.5, 1.5, cfg["words_per_tag"])
    n = cfg["train"] + cfg["test"]
    tags = (rng.random((n, cfg["tags"])) < 0.25).astype(np.int64)
    counts = rng.poisson(0.15 + tags @ rates)
    return np.log1p(counts).astype(np.float32), tags


class Tagger(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.fc1 = nn.Linear(cfg["vocabulary"], cfg["hidden"])
        self.norm = nn.BatchNorm1d(cfg["hidden"])
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(cfg["hidden"], cfg["tags"])

    def forward(self, counts):
        return self.fc2(self.drop(torch.relu(self.norm(self.fc1(counts)))))


def make_step(model, criterion, optimizer):
    def step(counts, tags):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(counts), tags)
        loss.backward()
        optimizer.step()
        return loss.item()
    return step


def evaluate(model, counts, tags):
    model.eval()
    with torch.no_grad():
        chosen = (model(counts) > 0).long()
    return f1_score(tags.numpy(), chosen.numpy(), average="micro", zero_division=0)


def main(cfg):
    torch.manual_seed(cfg["seed"])
    counts, tags = make_tickets(cfg)
    k = cfg["train"]
    mean, std = counts[:k].mean(0), counts[:k].std(0) + 1e-6
    counts = torch.from_numpy((counts - mean) / std)
    tags = torch.from_numpy(tags)

    model = Tagger(cfg)
    criterion = nn.MultiLabelMarginLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg["lr"])
    step = make_step(model, criterion, optimizer)
    for epoch in range(cfg["epochs"]):
        order = torch.randperm(k)
        losses = [step(counts[idx], tags[idx]) for idx in order.split(cfg["batch"])]
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2d} loss {np.mean(losses):.4f}")
    print(f"RESULT micro_f1 {evaluate(model, counts[k:], tags[k:]):.4f}")


if __name__ == "__main__":
    main(CFG)
