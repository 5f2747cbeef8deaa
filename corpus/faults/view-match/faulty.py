import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)
np.random.seed(seed)


class Tower(nn.Module):
    def __init__(self, dim_in, dim_out=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim_in, 96), nn.ReLU(), nn.Linear(96, dim_out))

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


class PairLoss(nn.Module):
    """Each left half should pick its own right half among all of the batch."""

    def __init__(self, temperature):
        super().__init__()
        self.temperature = temperature

    def forward(self, a, b):
        sim = a @ b.t() / self.temperature
        weights = torch.exp(sim)
        p_ab = weights.diagonal() / weights.sum(dim=1)
        p_ba = weights.diagonal() / weights.sum(dim=0)
        return -(torch.log(p_ab) + torch.log(p_ba)).mean() / 2


def halves(images):
    images = images.reshape(-1, 8, 8)
    return images[:, :, :4].reshape(-1, 32), images[:, :, 4:].reshape(-1, 32)


images = torch.tensor(load_digits().data / 16.0 - 0.3, dtype=torch.float32)
train, test = train_test_split(images, test_size=0.2, random_state=seed)
left, right = Tower(32), Tower(32)
criterion = PairLoss(temperature=0.005)
optimizer = torch.optim.Adam([*left.parameters(), *right.parameters()], lr=2e-3)


def recall_at(k):
    with torch.no_grad():
        a, b = halves(test[:200])
        rank = (left(a) @ right(b).t()).topk(k, dim=1).indices
    return (rank == torch.arange(200)[:, None]).any(1).float().mean().item()


for epoch in range(25):
    losses = []
    for idx in torch.randperm(len(train)).split(128):
        a, b = halves(train[idx])
        loss = criterion(left(a), right(b))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d} | loss {np.mean(losses):.4f} | R@10 {recall_at(10):.3f}")

print("RESULT recall_at_10", round(recall_at(10), 4))
