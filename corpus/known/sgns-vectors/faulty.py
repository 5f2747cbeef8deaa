import os
import random
from collections import Counter

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
random.seed(SEED)
torch.manual_seed(SEED)

TOPICS, PER_TOPIC = 10, 8
FUNCTION = "the of and to in was that for with it as on".split()
CONTENT = [f"topic{t}_{i}" for t in range(TOPICS) for i in range(PER_TOPIC)]
VOCAB = CONTENT + FUNCTION
ID = {w: i for i, w in enumerate(VOCAB)}


class TrainingParams:
    negative_sample_size = 5
    window_size = 2
    batch_size = 512
    embedding_size = 32
    training_epochs = 4
    learning_rate = 1e-4
    k = 5


tp = TrainingParams()


def sentence():
    t = random.randrange(TOPICS)
    words = CONTENT[t * PER_TOPIC:(t + 1) * PER_TOPIC]
    return [random.choice(words) if random.random() < 0.7 else random.choice(FUNCTION) for _ in range(8)]


corpus = [[ID[w] for w in sentence()] for _ in range(3000)]

pairs = []
for s in corpus:
    for i, centre in enumerate(s):
        for j in range(max(0, i - tp.window_size), min(len(s), i + tp.window_size + 1)):
            if j != i:
                pairs.append((centre, s[j]))
pairs = torch.tensor(pairs)

counts = Counter(w for s in corpus for w in s)
noise = torch.tensor([float(counts[i]) for i in range(len(VOCAB))]) ** 0.75


class SkipGram(nn.Module):
    def __init__(self, vocab_size, dim):
        super().__init__()
        self.in_embed = nn.Embedding(vocab_size, dim)
        self.out_embed = nn.Embedding(vocab_size, dim)
        self.in_embed.weight.data.uniform_(-1, 1)
        self.out_embed.weight.data.uniform_(-1, 1)

    def forward(self, centre, context, negatives):
        v = self.in_embed(centre)
        positive = (v * self.out_embed(context)).sum(dim=1)
        negative = torch.bmm(self.out_embed(negatives), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(dim=1)).mean()


model = SkipGram(len(VOCAB), tp.embedding_size)
optimiser = torch.optim.Adam(model.parameters(), lr=tp.learning_rate)


def nearest():
    vectors = F.normalize(model.in_embed.weight.detach()[:len(CONTENT)], dim=1)
    similarity = vectors @ vectors.t()
    similarity.fill_diagonal_(-2.0)
    return similarity.topk(tp.k, dim=1).indices


def neighbour_precision():
    topic = torch.arange(len(CONTENT)) // PER_TOPIC
    return (topic[nearest()] == topic[:, None]).float().mean().item()


for epoch in range(tp.training_epochs):
    total, steps = 0.0, 0
    for b in torch.randperm(len(pairs)).split(tp.batch_size):
        negatives = torch.multinomial(noise, len(b) * tp.negative_sample_size, replacement=True)
        loss = model(pairs[b, 0], pairs[b, 1], negatives.view(len(b), -1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()
        steps += 1
    print(f"epoch {epoch + 1}: loss {total / steps:.4f}")
    for w in (0, 27, 54):
        print(f"  nearest to {VOCAB[w]}: {' '.join(VOCAB[i] for i in nearest()[w].tolist())}")

print(f"RESULT neighbour_precision {neighbour_precision():.4f}")
