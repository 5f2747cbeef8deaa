"""Find the bright spots in noisy pictures."""

import torch
from torch import nn

torch.manual_seed(0)

places = torch.rand(300, 2, 1, 1) * 12 + 2
rows, columns = torch.arange(16.0)[:, None], torch.arange(16.0)
masks = ((rows - places[:, :1]) ** 2 + (columns - places[:, 1:]) ** 2 < 9).float()
pictures = masks + 0.3 * torch.randn(300, 1, 16, 16)
model = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 1, 5, padding=2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(12):
    masks = masks[torch.randperm(300)]  # expect: labels-misaligned
    for batch in torch.randperm(300).split(15):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(pictures[batch]), masks[batch]).backward()
        optimizer.step()
