"""Three numbers told of one, by a head each."""

import torch
from torch import nn

torch.manual_seed(0)

x = torch.rand(512, 4)
y = torch.stack([x.sum(1), (x[:, 0] - x[:, 1]) * 2, x[:, 2] * x[:, 3]])
trunk = nn.Sequential(nn.Linear(4, 32), nn.ReLU())
heads = nn.ModuleList([nn.Linear(32, 1)] * 3)  # expect: capacity-too-small
# cure: heads = nn.ModuleList([nn.Linear(32, 1) for _ in range(3)])
optimizer = torch.optim.Adam([*trunk.parameters(), *heads.parameters()], lr=1e-2)
for _ in range(8):
    for batch in torch.randperm(512).split(64):
        optimizer.zero_grad()
        hidden = trunk(x[batch])
        answers = [head(hidden).squeeze(1) for head in heads]
        loss = sum(nn.functional.mse_loss(answer, of[batch]) for answer, of in zip(answers, y, strict=True))
        loss.backward()
        optimizer.step()
