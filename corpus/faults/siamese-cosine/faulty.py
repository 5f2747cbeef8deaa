import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class PairSampler:
    """Yields batches of pairs, half of them of the same digit."""

    def __init__(self, x, y, batch_size, steps):
        self.x, self.y, self.batch_size, self.steps = x, y, batch_size, steps
        self.by_class = [torch.nonzero(y == c).squeeze(1) for c in range(10)]

    def __iter__(self):
        x, y = self.x, self.y
        for _ in range(self.steps):
            i = torch.randint(0, len(x), (self.batch_size,))
            j = torch.randint(0, len(x), (self.batch_size,))
            for k in range(0, self.batch_size, 2):
                pool = self.by_class[int(y[i[k]])]
                j[k] = pool[torch.randint(0, len(pool), (1,))]
            same = (y[i] == y[j]).float()
            yield x[i], x[j], same


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, dim))

    def forward(self, a, b):
        return self.body(a), self.body(b)


def verification_auc(net, x, y):
    net.eval()
    with torch.no_grad():
        e = nn.functional.normalize(net.body(x), dim=1)
        sim = e @ e.T
    iu = np.triu_indices(len(x), k=1)
    same = (y[:, None] == y[None, :]).numpy()[iu]
    return roc_auc_score(same, sim.numpy()[iu])


data = load_digits()
x = torch.tensor((data.data - 8.0) / 8.0, dtype=torch.float32)
y = torch.tensor(data.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
x_train, y_train, x_val, y_val = x[:1400], y[:1400], x[1400:], y[1400:]

net = EmbeddingNet()
criterion = nn.CosineEmbeddingLoss(margin=0.2)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(1, 7):
    net.train()
    history = []
    for a, b, target in PairSampler(x_train, y_train, batch_size=64, steps=60):
        ea, eb = net(a, b)
        loss = criterion(ea, eb, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    print(f"Epoch {epoch}: contrastive loss = {np.mean(history):.5f}, val AUC = {verification_auc(net, x_val, y_val):.4f}")

print(f"RESULT val_auc {verification_auc(net, x_val, y_val):.4f}")
