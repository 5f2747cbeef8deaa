"""Which of eight languages does a (made-up) word come from?  Character CNN, SGD."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

CONFIG = {
    "languages": 8,
    "letters": 18,
    "word_length": 20,
    "train_words": 2000,
    "test_words": 600,
    "embed": 16,
    "filters": 48,
    "epochs": 15,
    "batch_size": 50,
    "lr": 0.03,
    "momentum": 0.9,
    "decay": 0.9,
}


def set_seed():
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def make_words(rng, tables, n, cfg):
    """Words as walks through the letter-to-letter table of their language."""
    lang = rng.integers(0, cfg["languages"], n)
    words = np.zeros((n, cfg["word_length"]), dtype=np.int64)
    words[:, 0] = rng.integers(0, cfg["letters"], n)
    cum = tables.cumsum(-1)
    for t in range(1, cfg["word_length"]):
        rows = cum[lang, words[:, t - 1]]
        u = rng.random((n, 1))
        words[:, t] = np.minimum((u > rows).sum(1), cfg["letters"] - 1)
    return torch.from_numpy(words), torch.from_numpy(lang)


class CharCNN(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.embed = nn.Embedding(cfg["letters"], cfg["embed"])
        self.conv = nn.Conv1d(cfg["embed"], cfg["filters"], 3)
        self.out = nn.Linear(cfg["filters"], cfg["languages"])

    def forward(self, words):
        h = self.embed(words).transpose(1, 2)
        h = F.relu(self.conv(h)).amax(2)
        return self.out(h)


def time_based(decay):
    def factor(iteration):
        return 1.0 / (1.0 + decay * iteration)
    return factor


def accuracy(net, words, lang):
    net.eval()
    with torch.no_grad():
        return (net(words).argmax(1) == lang).float().mean().item()


def train(net, words, lang, cfg):
    optimizer = torch.optim.SGD(net.parameters(), lr=cfg["lr"], momentum=cfg["momentum"], nesterov=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, time_based(cfg["decay"]))
    for epoch in range(cfg["epochs"]):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(words)).split(cfg["batch_size"]):
            loss = F.cross_entropy(net(words[idx]), lang[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(idx)
        print(f"epoch {epoch + 1:2d}  loss {total / len(words):.4f}")


def main():
    cfg = CONFIG
    rng = set_seed()
    tables = rng.dirichlet(np.full(cfg["letters"], 0.2), size=(cfg["languages"], cfg["letters"]))
    train_set = make_words(rng, tables, cfg["train_words"], cfg)
    test_set = make_words(rng, tables, cfg["test_words"], cfg)
    net = CharCNN(cfg)
    train(net, *train_set, cfg)
    print(f"RESULT test_accuracy {accuracy(net, *test_set):.4f}")


if __name__ == "__main__":
    main()
