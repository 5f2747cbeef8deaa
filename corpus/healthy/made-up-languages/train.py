"""Five made-up languages told apart by hashed trigrams; the rate is found by a sweep first."""
import copy
import math
import os

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", "0")))

LETTERS, LANGUAGES, LENGTH, BUCKETS = 20, 5, 40, 2048


def make_languages():
    common = 1.2 * torch.randn(LETTERS, LETTERS)
    own = 1.0 * torch.randn(LANGUAGES, LETTERS, LETTERS)
    return torch.softmax(common + own, dim=-1)


def sentences(tables, n):
    lang = torch.randint(0, LANGUAGES, (n,))
    letter = torch.randint(0, LETTERS, (n,))
    out = [letter]
    for _ in range(LENGTH - 1):
        letter = torch.multinomial(tables[lang, letter], 1).squeeze(1)
        out.append(letter)
    return torch.stack(out, 1), lang


def trigram_buckets(text):
    code = text[:, :-2] * LETTERS * LETTERS + text[:, 1:-1] * LETTERS + text[:, 2:]
    return ((code + 1) * 2654435761 % 2 ** 32) >> 21


def batches(x, y, size):
    order = torch.randperm(len(x))
    for i in range(0, len(x), size):
        idx = order[i:i + size]
        yield x[idx], y[idx]


class BagOfTrigrams(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.bag = nn.EmbeddingBag(BUCKETS, dim, mode="mean")
        self.out = nn.Linear(dim, LANGUAGES)

    def forward(self, x):
        return self.out(self.bag(x))


def find_rate(model, x, y, loss_fn, low=1e-4, high=1.0, steps=80):
    """Raises the rate until the loss explodes, puts the weights back and takes a tenth of the best rate."""
    saved = copy.deepcopy(model.state_dict())
    opt = torch.optim.Adam(model.parameters(), lr=low)
    smooth, best, best_rate, step = None, math.inf, low, 0
    exploded = False
    while step < steps and not exploded:
        for xb, yb in batches(x, y, 50):
            rate = low * (high / low) ** (step / (steps - 1))
            opt.param_groups[0]["lr"] = rate
            loss = loss_fn(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            smooth = loss.item() if smooth is None else 0.7 * smooth + 0.3 * loss.item()
            if smooth < best:
                best, best_rate = smooth, rate
            step += 1
            exploded = smooth > 4 * max(best, 0.2)
            if exploded or step >= steps:
                break
    model.load_state_dict(saved)
    return min(max(best_rate / 10, 5e-3), 5e-2)


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


tables = make_languages()
text, y_train = sentences(tables, 2000)
x_train = trigram_buckets(text)
text, y_test = sentences(tables, 600)
x_test = trigram_buckets(text)

model, loss_fn, epochs = BagOfTrigrams(), nn.CrossEntropyLoss(), 10
rate = find_rate(model, x_train, y_train, loss_fn)
print(f"rate found: {rate:.4g}, accuracy with the weights put back {accuracy(model, x_test, y_test):.4f}")

optimizer = torch.optim.Adam(model.parameters(), lr=rate)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, epochs=epochs, steps_per_epoch=math.ceil(len(x_train) / 50))
for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in batches(x_train, y_train, 50):
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        schedule.step()
        total += loss.item() * len(xb) / len(x_train)
    print(f"epoch {epoch + 1}: loss {total:.4f} accuracy {accuracy(model, x_test, y_test):.4f}")

print(f"RESULT test_accuracy {accuracy(model, x_test, y_test):.4f}")
