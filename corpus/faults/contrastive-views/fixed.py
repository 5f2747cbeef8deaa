import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

digits = load_digits()
order = torch.randperm(len(digits.target))
images = torch.tensor(digits.images / 8 - 1, dtype=torch.float32)[order]
labels = torch.tensor(digits.target)[order]


def view(batch):
    moved = torch.roll(batch, tuple(torch.randint(-1, 2, (2,)).tolist()), dims=(1, 2))
    return moved * (0.8 + 0.4 * torch.rand(len(batch), 1, 1)) + 0.3 * torch.randn_like(batch)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 32))

    def forward(self, batch):
        return F.normalize(self.body(batch), dim=1)


def info_nce(a, b, temperature=0.01):
    similarity = a @ b.T / temperature
    return F.cross_entropy(similarity, torch.arange(len(a)))


encoder = Encoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
for epoch in range(16):
    total = 0.0
    for idx in torch.randperm(1400).split(100):
        batch = images[idx]
        loss = info_nce(encoder(view(batch)), encoder(view(batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 14
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} info-nce {total:.3f}")
embedded = torch.nan_to_num(encoder(images).detach()).numpy()
knn = KNeighborsClassifier(5).fit(embedded[:1400], labels[:1400])
print(f"RESULT neighbour_accuracy {knn.score(embedded[1400:], labels[1400:]):.4f}")
