import os
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
random.seed(SEED)

PAD_INDEX = 0
TAG_PAD = PAD_INDEX
TAGS = ["NOUN", "VERB", "ADJ", "DET", "ADV"]
TRANSITIONS = {
    "DET": ["NOUN", "NOUN", "ADJ"],
    "ADJ": ["NOUN", "NOUN", "ADJ"],
    "NOUN": ["VERB", "VERB", "ADV", "DET"],
    "VERB": ["DET", "DET", "ADV", "NOUN"],
    "ADV": ["VERB", "ADJ", "DET"],
}
# every tag owns 20 words, and 20 more words are shared between NOUN and VERB
OWN = {tag: list(range(1 + 20 * i, 21 + 20 * i)) for i, tag in enumerate(TAGS)}
SHARED = list(range(101, 121))
VOCAB = 121


def sentence():
    tag, words, tags = random.choice(["DET", "NOUN", "ADV"]), [], []
    for _ in range(random.randint(5, 14)):
        pool = OWN[tag]
        if tag in ("NOUN", "VERB") and random.random() < 0.4:
            pool = SHARED
        words.append(random.choice(pool))
        tags.append(TAGS.index(tag))
        tag = random.choice(TRANSITIONS[tag])
    return words, tags


def collate(batch):
    longest = max(len(w) for w, _ in batch)
    words = torch.full((len(batch), longest), PAD_INDEX)
    tags = torch.full((len(batch), longest), TAG_PAD)
    for i, (w, t) in enumerate(batch):
        words[i, :len(w)] = torch.tensor(w)
        tags[i, :len(t)] = torch.tensor(t)
    return words, tags


class Tagger(nn.Module):
    def __init__(self, dim=24, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim, padding_idx=PAD_INDEX)
        self.rnn = nn.GRU(dim, hidden, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words):
        out, _ = self.rnn(self.embed(words))
        return self.classifier(out)


train = [sentence() for _ in range(2000)]
test = [sentence() for _ in range(200)]
model = Tagger()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)


def evaluate():
    model.eval()
    right = total = 0
    with torch.no_grad():
        for words, tags in test:
            pred = model(torch.tensor([words])).argmax(-1)[0]
            right += (pred == torch.tensor(tags)).sum().item()
            total += len(tags)
    return right / total


for epoch in range(5):
    model.train()
    random.shuffle(train)
    losses = []
    for k in range(0, len(train), 32):
        words, tags = collate(train[k:k + 32])
        logits = model(words)
        loss = F.cross_entropy(logits.reshape(-1, len(TAGS)), tags.reshape(-1), ignore_index=TAG_PAD)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f} token accuracy {evaluate():.4f}")

print(f"RESULT token_accuracy {evaluate():.4f}")
