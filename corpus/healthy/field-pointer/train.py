"""Where in a message does the field stand that is asked for? A pointer network says first and last place."""
import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

PAD, FIELDS, VALUES = 0, [1, 2, 3, 4], list(range(5, 30))
MAX_LEN = 20


def message():
    """Four fields in any order, each its name and then one to four values."""
    tokens, places = [], {}
    for name in random.sample(FIELDS, len(FIELDS)):
        tokens.append(name)
        size = random.randint(1, 4)
        places[name] = (len(tokens), len(tokens) + size - 1)
        tokens += random.choices(VALUES, k=size)
    asked = random.choice(FIELDS)
    return tokens, asked, places[asked]


class Messages(Dataset):
    def __init__(self, n):
        self.rows = [message() for _ in range(n)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def collate(rows):
    tokens = torch.full((len(rows), MAX_LEN), PAD)
    for i, (t, _, _) in enumerate(rows):
        tokens[i, :len(t)] = torch.tensor(t)
    asked = torch.tensor([a - 1 for _, a, _ in rows])
    span = torch.tensor([s for _, _, s in rows])
    return tokens, asked, span


class PointerNet(nn.Module):
    def __init__(self, emb=24, hidden=32):
        super().__init__()
        width = 2 * hidden
        self.words = nn.Embedding(30, emb, padding_idx=PAD)
        self.question = nn.Embedding(len(FIELDS), width)
        self.reader = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.cell = nn.GRUCell(width, width)
        self.match = nn.Linear(width, width, bias=False)

    def forward(self, tokens, asked, start=None):
        memory, _ = self.reader(self.words(tokens))
        keys, empty = self.match(memory), tokens == PAD

        def point(state):
            score = torch.einsum("bld,bd->bl", keys, state) / keys.shape[2] ** 0.5
            return score.masked_fill(empty, -1e9)

        state = self.question(asked)
        first = point(state)
        if start is None:
            start = first.argmax(1)
        state = self.cell(memory[torch.arange(len(tokens)), start], state)
        return first, point(state)


def exact_match(model, loader):
    model.eval()
    hits = n = 0
    with torch.no_grad():
        for tokens, asked, span in loader:
            first, last = model(tokens, asked)
            both = torch.stack([first.argmax(1), last.argmax(1)], 1)
            hits += (both == span).all(1).sum().item()
            n += len(span)
    return hits / n


def fit(model, train_loader, test_loader, epochs=8, lr=5e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for tokens, asked, span in train_loader:
            first, last = model(tokens, asked, span[:, 0])
            loss = F.cross_entropy(first, span[:, 0]) + F.cross_entropy(last, span[:, 1])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}: loss {sum(losses) / len(losses):.4f} exact {exact_match(model, test_loader):.4f}")
    return exact_match(model, test_loader)


train_loader = DataLoader(Messages(3000), batch_size=60, shuffle=True, collate_fn=collate)
test_loader = DataLoader(Messages(500), batch_size=250, collate_fn=collate)
print("RESULT exact_match", round(fit(PointerNet(), train_loader, test_loader), 4))
