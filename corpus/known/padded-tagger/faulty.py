import os
import random
from collections import namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

LEXICON = {
    "DET": "the a this every some".split(),
    "ADJ": "old light quick small cold open clean dry".split(),
    "NOUN": "dog cat light walk house watch cold talk run river".split(),
    "VERB": "sees walks light watch open talk run clean dry finds".split(),
    "ADV": "often quickly never soon".split(),
    "ADP": "in on near with under".split(),
    "PRON": "she he they we it".split(),
    "CONJ": "and but or".split(),
    "PUNCT": ["."],
}
TAGS = list(LEXICON)
WORDS = sorted({w for ws in LEXICON.values() for w in ws})
WORD_ID = {w: i for i, w in enumerate(WORDS)}


def pick(tag):
    return random.choice(LEXICON[tag]), tag


def noun_phrase():
    if random.random() < 0.3:
        return [pick("PRON")]
    return [pick("DET")] + [pick("ADJ") for _ in range(random.choice([0, 0, 1, 2]))] + [pick("NOUN")]


def clause():
    out = noun_phrase()
    if random.random() < 0.3:
        out.append(pick("ADV"))
    out.append(pick("VERB"))
    if random.random() < 0.7:
        out += noun_phrase()
    while random.random() < 0.3:
        out += [pick("ADP")] + noun_phrase()
    return out


def document():
    out = clause()
    while random.random() < 0.3:
        out += [pick("CONJ")] + clause()
    out.append(pick("PUNCT"))
    words = torch.tensor([WORD_ID[w] for w, _ in out])
    tags = torch.tensor([TAGS.index(t) for _, t in out])
    return words, tags


Padded = namedtuple("Padded", "data lengths indices")


def list2padded(seqs):
    """Pack a list of (length, width) arrays into one (time, batch, width) array."""
    lengths, indices = torch.tensor([len(s) for s in seqs]).sort(descending=True)
    return Padded(pad_sequence(seqs), lengths, indices)


def padded2list(padded):
    out = [None] * len(padded.indices)
    for col, (i, n) in enumerate(zip(padded.indices.tolist(), padded.lengths.tolist())):
        out[i] = padded.data[:n, col]
    return out


class WithPadded(nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, seqs):
        padded = list2padded(seqs)
        out, _ = self.rnn(pack_padded_sequence(padded.data, padded.lengths))
        data, _ = pad_packed_sequence(out)
        return padded2list(Padded(data, padded.lengths, padded.indices))


class Tagger(nn.Module):
    def __init__(self, width=24, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(len(WORDS), width)
        self.encode = WithPadded(nn.LSTM(width, hidden, bidirectional=True))
        self.softmax = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, docs):
        encoded = self.encode([self.embed(d) for d in docs])
        return [self.softmax(e) for e in encoded]


train_docs = [document() for _ in range(1000)]
dev_docs = [document() for _ in range(300)]

model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def evaluate():
    model.eval()
    right = total = 0
    with torch.no_grad():
        for i in range(0, len(dev_docs), 50):
            words, tags = zip(*dev_docs[i:i + 50])
            guess = torch.cat(model(list(words))).argmax(-1)
            right += (guess == torch.cat(tags)).sum().item()
            total += len(guess)
    return right / total


for epoch in range(6):
    model.train()
    random.shuffle(train_docs)
    running, steps = 0.0, 0
    for i in range(0, len(train_docs), 32):
        words, tags = zip(*train_docs[i:i + 32])
        scores = model(list(words))
        loss = F.cross_entropy(torch.cat(scores), torch.cat(tags))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
        steps += 1
    print(f"epoch {epoch + 1}: loss {running / steps:.4f} tag acc {evaluate():.4f}")

print(f"RESULT tag_accuracy {evaluate():.4f}")
