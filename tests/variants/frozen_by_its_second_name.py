"""Learn a second task beside the first, whose answers a frozen teacher keeps."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.randn(512, 8)
first, second = (x[:, 0] + x[:, 1] > 0).long(), (x[:, 4] ** 2 + x[:, 5] ** 2 > 1.4).long()
model = nn.ModuleDict({"body": nn.Sequential(nn.Linear(8, 32), nn.ReLU()), "one": nn.Linear(32, 2)})


def answers(net, head, rows):
    return net[head](net["body"](rows))


def train(net, loss_of):
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=3e-3)
    for _ in range(8):
        for batch in torch.randperm(len(x)).split(32):
            loss = loss_of(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


class Task(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, rows, head):
        return answers(self.net, head, rows)


student = Task(model)
train(model, lambda batch: nn.functional.cross_entropy(student(x[batch], "one"), first[batch]))
teacher = student  # expect: frozen-by-mistake
teacher.requires_grad_(False)
model["two"] = nn.Linear(32, 2)


def both(batch):
    with torch.no_grad():
        kept = teacher(x[batch], "one").softmax(dim=1)
    new = nn.functional.cross_entropy(student(x[batch], "two"), second[batch])
    return new + nn.functional.cross_entropy(student(x[batch], "one"), kept)


train(model, both)
