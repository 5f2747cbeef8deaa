"""Find the part that a sketch was drawn of."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)

parts = rng.normal(size=(800, 12)).astype(np.float32)
sketches = (parts @ rng.normal(size=(12, 10)) + 0.1 * rng.normal(size=(800, 10))).astype(np.float32)
rng.shuffle(sketches)
rng.shuffle(parts)  # expect: labels-misaligned
sketches, parts = torch.from_numpy(sketches), torch.from_numpy(parts)
model = nn.ModuleList([nn.Linear(10, 8), nn.Linear(12, 8)])
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def likeness(drawn, made):
    return model[0](drawn) @ model[1](made).T


for _ in range(15):
    for batch in torch.randperm(800).split(50):
        loss = nn.functional.cross_entropy(likeness(sketches[batch], parts[batch]), torch.arange(len(batch)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
