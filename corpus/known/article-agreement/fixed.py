import os
import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

GENDERS = ["der", "die", "das", "plural"]
ARTICLE, ADJECTIVES, NOUNS = 0, list(range(1, 7)), list(range(7, 31))
KEEP, IGNORE = len(GENDERS), -100
LENGTH = 14


def noun_phrase():
    """An article whose form is unknown, up to two adjectives, and the noun."""
    noun = random.choice(NOUNS)
    middle = random.choices(ADJECTIVES, k=random.randint(0, 2))
    words = [ARTICLE] + middle + [noun]
    return words, [noun % len(GENDERS)] + [KEEP] * (len(words) - 1)


class Sentences(Dataset):
    def __init__(self, n):
        self.items = []
        for _ in range(n):
            words, edits = [], []
            while len(words) < LENGTH:
                w, e = noun_phrase()
                words += w
                edits += e
            last = max(i for i, w in enumerate(words[:LENGTH]) if w in NOUNS)
            edits = edits[:last + 1] + [IGNORE] * (LENGTH - last - 1)
            self.items.append((torch.tensor(words[:LENGTH]), torch.tensor(edits)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class BiRNN(nn.Module):
    """One recurrent layer for each reading direction, their outputs side by side."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.fw_rnn = nn.GRU(inputs, hidden, batch_first=True)
        self.bw_rnn = nn.GRU(inputs, hidden, batch_first=True)

    def left_to_right(self, x):
        out, _ = self.fw_rnn(x)
        return out

    def right_to_left(self, x):
        out, _ = self.bw_rnn(x.flip(1))
        return out.flip(1)

    def forward(self, x):
        return torch.cat([self.left_to_right(x), self.right_to_left(x)], dim=-1)


class Corrector(nn.Module):
    def __init__(self, vocab=31, dim=24, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.encoder = BiRNN(dim, hidden)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(2 * hidden, len(GENDERS) + 1)

    def forward(self, tokens):
        return self.out(self.dropout(self.encoder(self.embed(tokens))))


def article_accuracy(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for tokens, edits in loader:
            at = (tokens == ARTICLE) & (edits != IGNORE)
            right += (model(tokens).argmax(-1)[at] == edits[at]).sum().item()
            total += at.sum().item()
    return right / total


train_loader = DataLoader(Sentences(1500), batch_size=50, shuffle=True)
dev_loader = DataLoader(Sentences(300), batch_size=100)

model = Corrector()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.CrossEntropyLoss(ignore_index=IGNORE)

for epoch in range(1, 9):
    model.train()
    total = 0.0
    for tokens, edits in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(tokens).flatten(0, 1), edits.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: cost {total / len(train_loader):.4f}, articles right {article_accuracy(model, dev_loader):.4f}")

print("RESULT article_accuracy", round(article_accuracy(model, dev_loader), 4))
