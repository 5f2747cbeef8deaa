import os
import random
from collections import Counter

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)

TOPICS = {
    "billing": "invoice refund charge card payment price receipt bank discount".split(),
    "network": "router wifi cable signal slow offline modem packet ping".split(),
    "account": "password login email username reset locked profile verify token".split(),
    "device": "screen battery broken button camera charger speaker dropped warm".split(),
}
FILLER = "please help my the is not working since yesterday i have again with and thanks today team".split()


def write_tickets(n):
    rows = []
    for _ in range(n):
        topic = random.choice(list(TOPICS))
        words = random.choices(FILLER, k=random.randint(5, 9)) + random.choices(TOPICS[topic], k=random.randint(2, 4))
        if random.random() < 0.5:
            words.append(random.choice(TOPICS[random.choice(list(TOPICS))]))
        random.shuffle(words)
        rows.append((" ".join(words), list(TOPICS).index(topic)))
    return rows


class Tickets(Dataset):
    def __init__(self, rows, vocab=None):
        tokens = [text.split() for text, _ in rows]
        if vocab is None:
            counts = Counter(w for t in tokens for w in t)
            vocab = {w: i + 2 for i, (w, _) in enumerate(counts.most_common())}
        self.vocab = vocab
        self.ids = [torch.tensor([vocab.get(w, 1) for w in t]) for t in tokens]
        self.labels = [label for _, label in rows]

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return self.ids[i], self.labels[i]


def collate(batch):
    ids, labels = zip(*batch)
    return pad_sequence(ids, batch_first=True), torch.tensor(labels)


class Router(nn.Module):
    def __init__(self, n_words, dim=24, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(n_words, dim, padding_idx=0)
        self.gru = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, len(TOPICS))

    def forward(self, ids):
        states, _ = self.gru(self.emb(ids))
        return self.out(states.masked_fill((ids == 0).unsqueeze(2), -1e4).max(1).values)


train_ds = Tickets(write_tickets(700))
test_ds = Tickets(write_tickets(300), train_ds.vocab)
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True, collate_fn=collate)
test_dl = DataLoader(test_ds, batch_size=100, collate_fn=collate)

model = Router(len(train_ds.vocab) + 2)
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(6):
    model.train()
    total = 0.0
    for ids, labels in train_dl:
        optimizer.zero_grad()
        loss = loss_fn(model(ids), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    model.eval()
    with torch.no_grad():
        acc = sum((model(i).argmax(1) == l).sum().item() for i, l in test_dl) / len(test_ds)
    print(f"epoch {epoch + 1} train loss {total / len(train_ds):.4f} test acc {acc:.4f}")

print("RESULT test_accuracy", round(acc, 4))
