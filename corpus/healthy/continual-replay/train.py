import os
import random

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
random.seed(SEED)


class Reservoir:
    def __init__(self, size):
        self.size, self.seen, self.items = size, 0, []

    def add(self, x, y):
        for pair in zip(x, y):
            self.seen += 1
            if len(self.items) < self.size:
                self.items.append(pair)
            else:
                j = random.randrange(self.seen)
                if j < self.size:
                    self.items[j] = pair

    def sample(self, n):
        xs, ys = zip(*random.sample(self.items, min(n, len(self.items))))
        return torch.stack(xs), torch.stack(ys)


digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32).sub(8).div(8)
Y = torch.tensor(digits.target)
p = torch.randperm(len(X))
X, Y = X[p], Y[p]
Xtr, Ytr, Xte, Yte = X[:1300], Y[:1300], X[1300:], Y[1300:]

model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.5)
ce = nn.CrossEntropyLoss()
memory = Reservoir(250)

# classes arrive two at a time: 0/1, 2/3, ...
for task in range(5):
    here = (Ytr // 2 == task).nonzero().squeeze(1)
    for epoch in range(8):
        losses = []
        for b in here[torch.randperm(len(here))].split(16):
            loss = ce(model(Xtr[b]), Ytr[b])
            if task > 0:
                xm, ym = memory.sample(48)
                loss = (loss + task * ce(model(xm), ym)) / (task + 1)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
    memory.add(Xtr[here], Ytr[here])
    with torch.no_grad():
        pred = model(Xte).argmax(1)
    per_task = [(pred[Yte // 2 == k] == Yte[Yte // 2 == k]).float().mean().item() for k in range(task + 1)]
    print(f"task {task}: loss {sum(losses) / len(losses):.3f} accuracy by task", [round(a, 3) for a in per_task])

print("RESULT final_accuracy", round((pred == Yte).float().mean().item(), 4))
