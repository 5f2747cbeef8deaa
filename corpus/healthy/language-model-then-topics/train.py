"""A language model is trained on plain documents, then becomes a classifier of topics in three phases."""
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

VOCAB, TOPICS, LENGTH = 60, 3, 30
follow = rng.integers(0, VOCAB, (TOPICS, VOCAB, 2)).tolist()


def document(topic):
    words = [int(rng.integers(VOCAB))]
    draw, coin = rng.random(LENGTH), rng.integers(0, 2, LENGTH)
    own, any_word = rng.integers(0, 20, LENGTH), rng.integers(0, VOCAB, LENGTH)
    for i in range(LENGTH - 1):
        if draw[i] < 0.5:
            words.append(follow[topic][words[-1]][coin[i]])
        elif draw[i] < 0.85:
            words.append(20 * topic + int(own[i]))
        else:
            words.append(int(any_word[i]))
    return words


def documents(n):
    topics = rng.integers(0, TOPICS, n)
    return torch.tensor([document(t) for t in topics]), torch.tensor(topics, dtype=torch.long)


class Encoder(nn.Module):
    def __init__(self, embed=32, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, embed)
        self.rnn = nn.GRU(embed, hidden, batch_first=True)
        self.hidden = hidden

    def forward(self, ids):
        return self.rnn(self.embedding(ids))[0]


class LanguageModel(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.decoder = encoder, nn.Linear(encoder.hidden, VOCAB)

    def forward(self, ids):
        return self.decoder(self.encoder(ids))


class TopicClassifier(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Linear(3 * encoder.hidden, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, TOPICS))

    def forward(self, ids):
        h = self.encoder(ids)
        return self.head(torch.cat([h[:, -1], h.mean(1), h.amax(1)], dim=1))


def slanted(total, cut=0.2):
    peak = max(1, int(total * cut))

    def factor(step):
        if step < peak:
            return 0.1 + 0.9 * step / peak
        return 0.05 + 0.95 * max(0.0, 1 - (step - peak) / (total - peak))

    return factor


# 1. language model on documents without labels
plain, _ = documents(1500)
plain_val, _ = documents(200)
encoder = Encoder()
lm = LanguageModel(encoder)
optimizer = torch.optim.Adam(lm.parameters(), lr=5e-3)
for epoch in range(6):
    lm.train()
    total = 0.0
    for idx in torch.randperm(len(plain)).split(50):
        ids = plain[idx]
        loss = F.cross_entropy(lm(ids[:, :-1]).reshape(-1, VOCAB), ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    lm.eval()
    with torch.no_grad():
        held = F.cross_entropy(lm(plain_val[:, :-1]).reshape(-1, VOCAB), plain_val[:, 1:].reshape(-1)).item()
    print(f"language model epoch {epoch + 1}: train {total / len(plain):.4f}  held out {held:.4f}")

# 2. classifier on few labelled documents, thawed from the top down
docs, topics = documents(240)
val_docs, val_topics = documents(200)
test_docs, test_topics = documents(400)
clf = TopicClassifier(encoder)


def accuracy(ids, target):
    clf.eval()
    with torch.no_grad():
        return (clf(ids).argmax(1) == target).float().mean().item()


phases = [
    ("head", [(clf.head, 5e-3)], 5),
    ("head and rnn", [(clf.head, 2e-3), (encoder.rnn, 8e-4)], 4),
    ("all", [(clf.head, 1e-3), (encoder.rnn, 4e-4), (encoder.embedding, 2e-4)], 4),
]
for name, parts, epochs in phases:
    for p in clf.parameters():
        p.requires_grad_(False)
    groups = []
    for module, rate in parts:
        for p in module.parameters():
            p.requires_grad_(True)
        groups.append({"params": list(module.parameters()), "lr": rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-2)
    steps = epochs * -(-len(docs) // 24)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, slanted(steps))
    for epoch in range(epochs):
        clf.train()
        total = 0.0
        for idx in torch.randperm(len(docs)).split(24):
            loss = F.cross_entropy(clf(docs[idx]), topics[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(idx)
        print(f"{name}, epoch {epoch + 1}: loss {total / len(docs):.4f}  val accuracy {accuracy(val_docs, val_topics):.4f}")

print(f"RESULT test_accuracy {accuracy(test_docs, test_topics):.4f}")
