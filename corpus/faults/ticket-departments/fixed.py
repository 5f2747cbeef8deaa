"""Topic net trained on old mails, then fine-tuned to send tickets to one of four departments."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

TOPICS, WORDS_PER_TOPIC, DEPARTMENTS = 12, 100, 4
VOCAB = TOPICS * WORDS_PER_TOPIC
EXTRA_TOKENS = ["<urgent>", "<forwarded>"]
word_ids = rng.permutation(VOCAB).reshape(TOPICS, WORDS_PER_TOPIC)
department_of = rng.permutation(np.arange(TOPICS) % DEPARTMENTS)


def write(topics, length):
    n = len(topics)
    own = word_ids[topics[:, None], rng.integers(0, WORDS_PER_TOPIC, size=(n, length))]
    other = rng.integers(0, VOCAB, size=(n, length))
    return np.where(rng.random((n, length)) < 0.8, own, other)


def mails(n):
    topics = rng.integers(0, TOPICS, size=n)
    return torch.from_numpy(write(topics, 10)), torch.from_numpy(topics)


def tickets(topics):
    flag = VOCAB + rng.integers(0, len(EXTRA_TOKENS), size=(len(topics), 1))
    words = np.concatenate([flag, write(topics, 6)], axis=1)
    return torch.from_numpy(words), torch.from_numpy(department_of[topics])


class TextNet(nn.Module):
    def __init__(self, vocab, dim, hidden, classes):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.encode = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU())
        self.head = nn.Linear(hidden, classes)

    def forward(self, words):
        return self.head(self.encode(self.embed(words).mean(dim=1)))

    def add_tokens(self, tokens):
        """Makes room in the embedding for additional tokens."""
        old = self.embed
        self.embed = nn.Embedding(old.num_embeddings + len(tokens), old.embedding_dim)
        nn.init.normal_(self.embed.weight, std=0.1)
        with torch.no_grad():
            self.embed.weight[:old.num_embeddings] = old.weight


def run(net, optimizer, words, target, epochs, batch, name):
    for epoch in range(1, epochs + 1):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(words)).split(batch):
            loss = F.cross_entropy(net(words[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % max(1, epochs // 5) == 0:
            print(f"{name} epoch {epoch:2d} loss {total / len(words):.4f}")


def accuracy(net, words, target):
    net.eval()
    with torch.no_grad():
        return (net(words).argmax(1) == target).float().mean().item()


# topics of old mails
net = TextNet(VOCAB, dim=32, hidden=64, classes=TOPICS)
words, topics = mails(3600)
run(net, torch.optim.Adam(net.parameters(), lr=5e-3), words, topics, epochs=10, batch=100, name="mails")
print(f"topic accuracy on new mails {accuracy(net, *mails(600)):.4f}")

# departments, from four labelled tickets of each topic
net.add_tokens(EXTRA_TOKENS)
net.head = nn.Linear(64, DEPARTMENTS)
words, departments = tickets(np.repeat(np.arange(TOPICS), 4))
optimizer = torch.optim.Adam([
    {"params": net.embed.parameters(), "lr": 3e-4},
    {"params": net.encode.parameters(), "lr": 3e-4},
    {"params": net.head.parameters(), "lr": 1e-2},
])
run(net, optimizer, words, departments, epochs=50, batch=16, name="tickets")

test_words, test_departments = tickets(rng.integers(0, TOPICS, size=800))
print(f"RESULT department_accuracy {accuracy(net, test_words, test_departments):.4f}")
