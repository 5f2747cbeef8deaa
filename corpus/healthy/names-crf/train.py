import os

import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
PLAIN, PERSON_CUE, PLACE_CUE, NAMES = range(1, 21), range(21, 24), range(24, 27), range(27, 47)


def sentence():
    """Plain words, names nobody introduces, and names that a cue makes a person or a place."""
    words, tags = [], []
    for _ in range(int(rng.integers(3, 6))):
        draw = rng.random()
        if draw < 0.45:
            words.append(rng.choice(PLAIN))
            tags.append(0)
        elif draw < 0.55:
            words += [rng.choice(PLAIN), rng.choice(NAMES), rng.choice(PLAIN)]
            tags += [0, 0, 0]
        else:
            person, size = rng.random() < 0.5, int(rng.integers(1, 4))
            words += [rng.choice(PERSON_CUE if person else PLACE_CUE), *rng.choice(NAMES, size), rng.choice(PLAIN)]
            first = 1 if person else 3
            tags += [0, first] + [first + 1] * (size - 1) + [0]
    return torch.tensor(words), torch.tensor(tags)


class CRF(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.first = nn.Parameter(torch.zeros(n))
        self.last = nn.Parameter(torch.zeros(n))
        self.trans = nn.Parameter(torch.zeros(n, n))

    def nll(self, emit, tags, mask):
        m = mask.float()
        path = (emit.gather(2, tags.unsqueeze(2)).squeeze(2) * m).sum(1) + self.first[tags[:, 0]]
        path = path + (self.trans[tags[:, :-1], tags[:, 1:]] * m[:, 1:]).sum(1)
        path = path + self.last[tags.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)]
        alpha = self.first + emit[:, 0]
        for t in range(1, emit.shape[1]):
            new = torch.logsumexp(alpha.unsqueeze(2) + self.trans, 1) + emit[:, t]
            alpha = torch.where(mask[:, t:t + 1], new, alpha)
        return (torch.logsumexp(alpha + self.last, 1) - path).mean()

    def viterbi(self, emit):
        score, back = self.first + emit[0], []
        for e in emit[1:]:
            best, where = (score.unsqueeze(1) + self.trans).max(0)
            score = best + e
            back.append(where)
        tag = int((score + self.last).argmax())
        path = [tag]
        for where in reversed(back):
            tag = int(where[tag])
            path.append(tag)
        return path[::-1]


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(47, 24, padding_idx=0)
        self.drop = nn.Dropout(0.1)
        self.lstm = nn.LSTM(24, 24, batch_first=True, bidirectional=True)
        self.out = nn.Linear(48, len(TAGS))
        self.crf = CRF(len(TAGS))

    def emissions(self, words):
        return self.out(self.drop(self.lstm(self.drop(self.embed(words)))[0]))

    def forward(self, words, tags):
        return self.crf.nll(self.emissions(words), tags, words != 0)


def spans(tags):
    found, start = set(), None
    for i, tag in enumerate(list(tags) + [0]):
        if start is not None and TAGS[tag] != "I" + TAGS[tags[start]][1:]:
            found.add((start, i, TAGS[tags[start]][2:]))
            start = None
        if TAGS[tag].startswith("B"):
            start = i
    return found


@torch.no_grad()
def span_f1(model, data):
    model.eval()
    right = said = true = 0
    for words, tags in data:
        a = spans(model.crf.viterbi(model.emissions(words.unsqueeze(0))[0]))
        b = spans(tags.tolist())
        right, said, true = right + len(a & b), said + len(a), true + len(b)
    return 2 * right / max(said + true, 1)


train, test = [sentence() for _ in range(1500)], [sentence() for _ in range(250)]
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(1, 8):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train)).split(50):
        words = pad_sequence([train[i][0] for i in idx], batch_first=True)
        tags = pad_sequence([train[i][1] for i in idx], batch_first=True)
        loss = model(words, tags)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    print(f"epoch {epoch} nll a sentence {total:.4f}")
    if epoch % 3 == 0:
        print(f"  F1 on 60 held-out sentences {span_f1(model, test[:60]):.4f}")
print("RESULT span_f1", round(span_f1(model, test), 4))
