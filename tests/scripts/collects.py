"""Gradients over several backward passes, applied in five ways, and attention over examples."""

import torch
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(320, 10)
y = (x[:, :1] > 0).float()
batches = list(zip(x.split(8), y.split(8), strict=True))


def make(lr, kind=torch.optim.SGD):
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
    return model, kind(model.parameters(), lr=lr)


def rightly(model, optimizer):
    for i, (a, b) in enumerate(batches):
        (nn.functional.binary_cross_entropy_with_logits(model(a), b) / 4).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()


def too_often(model, optimizer):
    for i, (a, b) in enumerate(batches):
        (nn.functional.binary_cross_entropy_with_logits(model(a), b) / 4).backward()
        optimizer.step()
        if i % 4 == 3:
            optimizer.zero_grad()


def unscaled(model, optimizer):
    for i, (a, b) in enumerate(batches):
        nn.functional.mse_loss(model(a), 3 * b).backward()
        if i % 8 == 7:
            optimizer.step()
            optimizer.zero_grad()


def too_seldom(model, optimizer):
    for i, (a, b) in enumerate(batches):
        (nn.functional.mse_loss(model(a), 3 * b) / 40).backward()
        if i % 40 == 39:
            optimizer.step()
            optimizer.zero_grad()


def mixed_by_hand(model, optimizer):
    """Each task's gradient is read and reset, and their mean is applied."""
    for i in range(0, len(batches), 2):
        gradients = []
        for a, b in batches[i : i + 2]:
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(model(a), b).backward()
            gradients.append([p.grad.clone() for p in model.parameters()])
        for p, *parts in zip(model.parameters(), *gradients, strict=True):
            p.grad = torch.stack(parts).mean(0)
        optimizer.step()


WAYS = ((rightly, 0.5, 4), (too_often, 0.05, 4), (unscaled, 0.3, 4), (too_seldom, 0.002, 8), (mixed_by_hand, 0.3, 4))
for train, rate, epochs in WAYS:
    fit = make(rate)
    for _ in range(epochs):
        train(*fit)


def attend(batch_first):
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
    head = nn.Linear(8, 2)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.003)
    tokens = torch.randn(96, 6, 8)
    for batch in tokens.split(24) * 3:
        loss = nn.functional.cross_entropy(head(layer(batch).mean(1)), (batch[:, 0, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


attend(True)
attend(False)
