"""Learn topics of words, then departments with two tokens more."""

import torch
from torch import nn

torch.manual_seed(0)

WORDS, TOPICS = 400, 8


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 16)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.encode = nn.Sequential(nn.Linear(16, 32), nn.ReLU())
        self.head = nn.Linear(32, TOPICS)

    def forward(self, words):
        return self.head(self.encode(self.embed(words).mean(dim=1)))

    def add_tokens(self, count):
        old = self.embed.weight.detach()
        self.embed = nn.Embedding(len(old) + count, 16)  # expect: pretrained-destroyed
        nn.init.normal_(self.embed.weight, std=0.1)


def train(net, classes, steps, rate):
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(steps):
        topic = torch.randint(TOPICS, (64,))
        words = torch.randint(WORDS // TOPICS, (64, 6)) * TOPICS + topic[:, None]
        loss = nn.functional.cross_entropy(net(words), topic % classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


net = Net()
train(net, TOPICS, 300, 1e-2)
net.add_tokens(2)
net.head = nn.Linear(32, 4)
train(net, 4, 60, 1e-3)
