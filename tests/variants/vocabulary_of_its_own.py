"""Tell friendly notes from unfriendly ones by their words."""

import random

import torch
from torch import nn

torch.manual_seed(0)
random.seed(0)

WORDS = {0: [f"bad{n}" for n in range(20)], 1: [f"good{n}" for n in range(20)]}
COMMON = [f"common{n}" for n in range(60)]


def note(friendly: int) -> list[str]:
    return random.sample(WORDS[friendly], 2) + random.sample(COMMON, 8)


class Notes:
    def __init__(self, count: int) -> None:
        labels = [random.randint(0, 1) for _ in range(count)]
        texts = [random.sample(words, len(words)) for words in map(note, labels)]
        numbers: dict[str, int] = {}
        self.ids = torch.tensor([[numbers.setdefault(word, len(numbers)) for word in text] for text in texts])
        self.labels = torch.tensor(labels)


train, test = Notes(1000), Notes(300)  # expect: preprocessing-mismatch
model = nn.Sequential(nn.EmbeddingBag(100, 16), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(8):
    for batch in torch.randperm(len(train.ids)).split(32):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(train.ids[batch]), train.labels[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        print(nn.functional.cross_entropy(model(test.ids), test.labels).item())
