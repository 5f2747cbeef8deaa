import os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# a corpus whose sentences keep to one of 12 topics; word frequencies are Zipfian
TOPICS, PER, STOP = 12, 25, 20
V = TOPICS * PER + STOP
w = 1 / np.arange(1, PER + 1) ** 0.7
w /= w.sum()
corpus = []
for _ in range(2500):
    k = rng.integers(TOPICS)
    words = k * PER + rng.choice(PER, 10, p=w)
    stops = rng.random(10) < 0.3
    words[stops] = TOPICS * PER + rng.integers(STOP, size=stops.sum())
    corpus.append(words)
corpus = np.array(corpus)
freq = np.bincount(corpus.ravel(), minlength=V)
# frequent words are thinned out, as in word2vec
keep_p = np.minimum(1, np.sqrt(2e-3 / (freq / freq.sum())))
pairs = []
for sent in corpus:
    s = sent[rng.random(len(sent)) < keep_p[sent]]
    for i in range(len(s)):
        for j in range(max(0, i - 3), min(len(s), i + 4)):
            if i != j:
                pairs.append((s[i], s[j]))
pairs = torch.tensor(np.array(pairs))
noise = torch.tensor(freq, dtype=torch.float32) ** 0.75
print(len(pairs), "pairs,", V, "words")


class SkipGram(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.inp = nn.Embedding(vocab, dim, sparse=True)
        self.out = nn.Embedding(vocab, dim, sparse=True)
        nn.init.uniform_(self.inp.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.out.weight)

    def forward(self, centre, context, negatives):
        c = self.inp(centre)
        pos = (c * self.out(context)).sum(-1)
        neg = torch.bmm(self.out(negatives), c.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(pos) + F.logsigmoid(-neg).sum(1)).mean()


model = SkipGram(V, 24)
opt = torch.optim.SparseAdam(model.parameters(), lr=0.01)
for epoch in range(5):
    tot, cnt = 0.0, 0
    for idx in torch.randperm(len(pairs)).split(512):
        centre, context = pairs[idx].unbind(1)
        negatives = torch.multinomial(noise, len(idx) * 5, replacement=True).view(-1, 5)
        loss = model(centre, context, negatives)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot, cnt = tot + loss.item() * len(idx), cnt + len(idx)
    print(f"epoch {epoch}: loss {tot / cnt:.4f}")

e = F.normalize(model.inp.weight.detach()[: TOPICS * PER], dim=1)
sim = e @ e.T
sim.fill_diagonal_(-2)
near = sim.topk(5, dim=1).indices
topic = torch.arange(TOPICS * PER) // PER
print("RESULT neighbours_of_same_topic", round((topic[near] == topic[:, None]).float().mean().item(), 4))
