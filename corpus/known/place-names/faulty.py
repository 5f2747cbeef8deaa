import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
random.seed(SEED)
torch.manual_seed(SEED)

TAGS = ["O", "PER", "LOC", "ORG"]
TAG2ID = {t: i for i, t in enumerate(TAGS)}
MAX_LEN, IGNORE = 24, -100
STARTS = ["ar", "ber", "cal", "dor", "el", "fin", "gar", "hol", "ist", "jor", "kal", "lum"]
ENDS = {"PER": ["son", "ina", "otto"], "LOC": ["ton", "ville", "burg"], "ORG": ["soft", "corp", "bank"]}
SPLIT = {"yesterday": ["yester", "##day"], "headquarters": ["head", "##quarter", "##s"], "travelled": ["travel", "##led"],
         "director": ["direct", "##or"], "announced": ["announce", "##d"], "nobody": ["no", "##body"]}
TEMPLATES = [
    "yesterday PER travelled to LOC with PER",
    "the director of ORG lives in LOC",
    "PER announced that ORG will leave LOC",
    "the headquarters of ORG are near LOC",
    "nobody at ORG has met PER in LOC",
    "LOC and LOC are the homes of PER and PER",
    "yesterday ORG announced new headquarters in LOC",
]


def name(kind):
    middle = random.choices(STARTS, k=random.randint(0, 1))
    return "-".join([random.choice(STARTS)] + middle + [random.choice(ENDS[kind])])


def sentence():
    slots = random.choice(TEMPLATES).split()
    words = [name(s) if s in ENDS else s for s in slots]
    return words, [s if s in ENDS else "O" for s in slots]


def wordpieces(word):
    if "-" not in word:
        return SPLIT.get(word, [word])
    first, *others = word.split("-")
    return [first] + ["##" + piece for piece in others]


class Encoder:
    def __init__(self):
        self.vocab = {"[PAD]": 0, "[UNK]": 1}

    def build(self, sentences):
        for words, _ in sentences:
            for word in words:
                for piece in wordpieces(word):
                    self.vocab.setdefault(piece, len(self.vocab))

    def encode(self, words, tags):
        ids, labels, first_piece = [], [], []
        for word, tag in zip(words, tags):
            pieces = wordpieces(word)
            first_piece.append(len(ids))
            ids.extend(self.vocab.get(p, 1) for p in pieces)
            labels.append(TAG2ID[tag])
        ids = ids + [0] * (MAX_LEN - len(ids))
        labels = labels + [IGNORE] * (MAX_LEN - len(labels))
        return ids, labels, first_piece


class Tagger(nn.Module):
    def __init__(self, vocab_size, dim=24, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, ids):
        return self.classifier(self.lstm(self.embed(ids))[0])


def entity_f1(model, encoder, sentences):
    model.eval()
    hit = guessed = wanted = 0
    for words, tags in sentences:
        ids, _, first_piece = encoder.encode(words, tags)
        with torch.no_grad():
            best = model(torch.tensor([ids]))[0].argmax(-1)[first_piece].tolist()
        for guess, tag in zip(best, tags):
            hit += guess == TAG2ID[tag] and tag != "O"
            guessed += guess != 0
            wanted += tag != "O"
    return 2 * hit / max(guessed + wanted, 1)


train_set, dev_set = [sentence() for _ in range(900)], [sentence() for _ in range(250)]
encoder = Encoder()
encoder.build(train_set)
encoded = [encoder.encode(*s) for s in train_set]
ids = torch.tensor([e[0] for e in encoded])
labels = torch.tensor([e[1] for e in encoded])

model = Tagger(len(encoder.vocab))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
for epoch in range(1, 9):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(ids)).split(32):
        loss = F.cross_entropy(model(ids[rows]).flatten(0, 1), labels[rows].flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(rows)
    if epoch % 2 == 0:
        print(f"epoch {epoch} train loss {total / len(ids):.4f} entity F1 {entity_f1(model, encoder, dev_set):.4f}")

print("RESULT entity_f1", round(entity_f1(model, encoder, dev_set), 4))
