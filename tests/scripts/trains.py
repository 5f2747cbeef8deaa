"""A training of some thousand short steps; prints its losses when asked to, and a hash of what it has learned."""

import sys

import torch
from scenarios import digest
from torch.nn import functional as F

torch.manual_seed(0)
steps, says = int(sys.argv[1]), sys.argv[2:] == ["aloud"]
model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
inputs, classes = torch.randn(32, 6), torch.randint(3, (32,))
for _ in range(steps):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(inputs), classes)
    loss.backward()
    optimizer.step()
    if says:
        print(loss.item().hex(), flush=True)
print(digest(model, optimizer), digest(torch.get_rng_state()))
