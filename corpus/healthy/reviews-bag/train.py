import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

TOPICS = {
    "food": "soup pasta waiter dessert menu tasty salty grill wine table chef crispy sauce lunch dinner spicy".split(),
    "travel": "flight hotel beach luggage airport tour view room train ticket island museum map harbour guide suitcase".split(),
    "tech": "battery screen laptop charger keyboard update driver camera pixel speaker bluetooth fan cable setup app memory".split(),
    "books": "novel chapter author plot hero ending prose pages paperback story twist poem character series reader cover".split(),
}
COMMON = "the a it was and very really quite i we my had with for on this that but not good bad great price time again would".split()
LABELS = list(TOPICS)


def sentence(label):
    n = random.randint(6, 22)
    own, other = TOPICS[label], TOPICS[random.choice(LABELS)]
    return [random.choice(own) if (r := random.random()) < 0.22 else random.choice(other) if r < 0.34 else random.choice(COMMON) for _ in range(n)]


data = [(sentence(LABELS[y]), y) for y in (random.randrange(4) for _ in range(3600))]
train, valid, test = data[:2400], data[2400:3000], data[3000:]

vocab = {"<pad>": 0, "<unk>": 1}
for words, _ in train:
    for w in words:
        vocab.setdefault(w, len(vocab))


def collate(rows):
    ids = [torch.tensor([vocab.get(w, 1) for w in words]) for words, _ in rows]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=0), torch.tensor([y for _, y in rows])


class AttentionPool(nn.Module):
    def __init__(self, n_words, dim=24, n_out=4):
        super().__init__()
        self.emb = nn.Embedding(n_words, dim, padding_idx=0)
        self.score = nn.Linear(dim, 1)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(dim, n_out)

    def forward(self, ids):
        e = self.emb(ids)
        s = self.score(torch.tanh(e)).squeeze(-1).masked_fill(ids == 0, float("-inf"))
        pooled = (torch.softmax(s, dim=1).unsqueeze(-1) * e).sum(1)
        return self.out(self.drop(pooled))


def evaluate(model, rows):
    model.eval()
    with torch.no_grad():
        x, y = collate(rows)
        z = model(x)
    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).float().mean().item()


model = AttentionPool(len(vocab))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
best_loss, best, patience = 1e9, None, 0
for epoch in range(20):
    model.train()
    random.shuffle(train)
    for i in range(0, len(train), 50):
        x, y = collate(train[i:i + 50])
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    (tl, ta), (vl, va) = evaluate(model, train), evaluate(model, valid)
    print(f"epoch {epoch + 1}: train {tl:.3f}/{ta:.3f}  valid {vl:.3f}/{va:.3f}")
    if vl < best_loss:
        best_loss, patience = vl, 0
        best = {k: v.clone() for k, v in model.state_dict().items()}
    else:
        patience += 1
        if patience >= 3:
            break

model.load_state_dict(best)
print("RESULT test_accuracy", round(evaluate(model, test)[1], 4))
