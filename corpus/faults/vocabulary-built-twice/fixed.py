"""Ticket routing: bag of embeddings + conv over a support ticket's words."""
import os
import random
from collections import Counter

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset, DataLoader

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

STEMS = {
    "billing": "invoice refund charge card payment price renew plan receipt tax".split(),
    "login": "password reset account locked email code signin session token logout".split(),
    "shipping": "parcel courier delayed tracking address warehouse box arrived damaged customs".split(),
    "bugs": "crash error freeze screen update version button slow blank stacktrace".split(),
}
FILLER = "the a my i please help with when is it not now again since yesterday and you can this was have".split()
LABELS = sorted(STEMS)


def write_ticket(topic):
    other = random.choice(LABELS)
    words = [random.choice(FILLER) for _ in range(random.randint(8, 16))]
    words += [random.choice(STEMS[topic]) for _ in range(random.randint(2, 4))]
    words += [random.choice(STEMS[other])]
    random.shuffle(words)
    return " ".join(words)


class Vocab:
    def __init__(self, texts, min_freq=2):
        freq = Counter(w for t in texts for w in t.split())
        self.itos = ["<pad>", "<unk>"] + [w for w, c in freq.most_common() if c >= min_freq]
        self.stoi = {w: i for i, w in enumerate(self.itos)}

    def __len__(self):
        return len(self.itos)

    def encode(self, text):
        return torch.tensor([self.stoi.get(w, 1) for w in text.split()])


class Tickets(Dataset):
    def __init__(self, texts, labels, vocab=None):
        self.vocab = vocab or Vocab(texts)
        self.items = [(self.vocab.encode(t), LABELS.index(l)) for t, l in zip(texts, labels)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    xs, ys = zip(*batch)
    return pad_sequence(xs, batch_first=True), torch.tensor(ys)


class Router(nn.Module):
    def __init__(self, n_words, dim=24, channels=32, n_out=4):
        super().__init__()
        self.emb = nn.Embedding(n_words, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, channels, 3, padding=1)
        self.fc = nn.Linear(channels, n_out)
        self.drop = nn.Dropout(0.3)

    def forward(self, ids):
        h = torch.relu(self.conv(self.drop(self.emb(ids)).transpose(1, 2)))
        return self.fc(self.drop(h.amax(2)))


topics = [random.choice(LABELS) for _ in range(2600)]
texts = [write_ticket(t) for t in topics]
train_ds = Tickets(texts[:2000], topics[:2000])
test_ds = Tickets(texts[2000:], topics[2000:], vocab=train_ds.vocab)
print("vocabulary:", len(train_ds.vocab), "train tickets:", len(train_ds), "test tickets:", len(test_ds))
model = Router(len(train_ds.vocab) + 10)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
lossf = nn.CrossEntropyLoss(label_smoothing=0.05)
for epoch in range(8):
    model.train()
    total = 0
    for ids, y in DataLoader(train_ds, 32, shuffle=True, collate_fn=collate):
        loss = lossf(model(ids), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(y)
    model.eval()
    hit = 0
    vloss = 0
    with torch.no_grad():
        for ids, y in DataLoader(test_ds, 100, collate_fn=collate):
            out = model(ids)
            vloss += lossf(out, y).item() * len(y)
            hit += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch}: train loss {total / len(train_ds):.3f}, test loss {vloss / len(test_ds):.3f}, test acc {hit / len(test_ds):.3f}")
print("RESULT test_acc", round(hit / len(test_ds), 4))
