import os
from collections import Counter

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))

QUEUES = ["billing", "login", "delivery", "returns", "mobile", "network", "printer", "hardware", "licence", "payroll", "travel", "security"]
SYLLABLES = ["ka", "lo", "mi", "ru", "te", "sa", "no", "vi", "pe", "du"]
WORDS_PER_TICKET = 24


def coin_words(n, rng):
    words = set()
    while len(words) < n:
        words.add("".join(rng.choice(SYLLABLES, size=rng.integers(2, 5))))
    return rng.permutation(sorted(words))


def write_tickets(n, rng, words, topics):
    """A ticket holds a few words that are typical of its queue, the rest is small talk."""
    frequency = 1.0 / np.arange(5, len(words) + 5)
    frequency /= frequency.sum()
    texts, queues = [], rng.integers(0, len(QUEUES), n)
    for q in queues:
        n_typical = rng.integers(5, 10)
        typical = rng.choice(topics[q], size=n_typical)
        other = rng.choice(words, size=WORDS_PER_TICKET - n_typical, p=frequency)
        texts.append(" ".join(rng.permutation(np.concatenate([typical, other]))))
    return texts, torch.from_numpy(queues)


class Vocabulary:
    def __init__(self, texts, min_count=2):
        counts = Counter(w for t in texts for w in t.split())
        self.index = {w: i + 1 for i, (w, c) in enumerate(counts.most_common()) if c >= min_count}

    def __len__(self):
        return len(self.index) + 1

    def encode(self, texts):
        return torch.tensor([[self.index.get(w, 0) for w in t.split()] for t in texts])


class Router(nn.Module):
    def __init__(self, n_words, n_queues, dim=48, hidden=64):
        super().__init__()
        self.bag = nn.EmbeddingBag(n_words, dim, mode="mean")
        self.hidden = nn.Linear(dim, hidden)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, n_queues)

    def forward(self, ids):
        return self.out(self.drop(torch.relu(self.hidden(self.bag(ids)))))


def configure_optimizer(model, lr=3e-3, weight_decay=0.3):
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        (no_decay if name.endswith("bias") else decay).append(p)
    groups = [
        {"params": decay, "weight_decay": weight_decay},
        {"params": no_decay, "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=lr)


def accuracy(model, ids, queues):
    model.eval()
    with torch.no_grad():
        return (model(ids).argmax(1) == queues).float().mean().item()


def main():
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
    words = coin_words(600, rng)
    topics = [rng.choice(words, size=40, replace=False) for _ in QUEUES]
    train_texts, train_y = write_tickets(2400, rng, words, topics)
    test_texts, test_y = write_tickets(600, rng, words, topics)
    vocab = Vocabulary(train_texts)
    train_x, test_x = vocab.encode(train_texts), vocab.encode(test_texts)

    model = Router(len(vocab), len(QUEUES))
    optimizer = configure_optimizer(model)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(12):
        model.train()
        running = 0.0
        for idx in torch.randperm(len(train_x)).split(64):
            loss = criterion(model(train_x[idx]), train_y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(idx)
        acc = accuracy(model, test_x, test_y)
        print(f"epoch {epoch + 1:2d}: loss {running / len(train_x):.4f}, test accuracy {acc:.4f}")
    print(f"RESULT test_accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
