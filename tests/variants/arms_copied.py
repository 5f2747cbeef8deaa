"""Tell which two noisy pictures show the same digit."""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
arm = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
other_arm = copy.deepcopy(arm)  # expect: weights-untied
optimizer = torch.optim.Adam([*arm.parameters(), *other_arm.parameters()], lr=1e-3)

for _ in range(5):
    for batch in torch.randperm(len(x)).split(64):
        one, other = (x[batch] + 0.3 * torch.randn(len(batch), 64) for _ in range(2))
        likeness = arm(one) @ other_arm(other).T / 4
        loss = nn.functional.cross_entropy(likeness, torch.arange(len(batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
