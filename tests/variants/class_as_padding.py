"""Tell the kind of each word in sentences of several lengths."""

import torch
from torch import nn

torch.manual_seed(0)

PADDING = 0
lengths = torch.randint(5, 13, (600,))
inside = torch.arange(12) < lengths[:, None]
kinds = torch.randint(4, (600, 12))
words = torch.where(inside, 1 + kinds * 10 + torch.randint(10, (600, 12)), PADDING)
kinds = torch.where(inside, kinds, PADDING)
model = nn.Sequential(nn.Embedding(41, 16, padding_idx=PADDING), nn.Linear(16, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(5):
    for batch in torch.randperm(600).split(30):
        scores = model(words[batch]).flatten(0, 1)
        wanted = kinds[batch].flatten()
        loss = nn.functional.cross_entropy(scores, wanted, ignore_index=PADDING)  # expect: loss-target-mismatch
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
