"""Find the bright spots of small pictures."""

import torch
from torch import nn

torch.manual_seed(0)

masks = (torch.rand(256, 1, 12, 12) < 0.2).to(torch.uint8)
images = (masks * 120 + torch.randint(0, 100, masks.shape)).to(torch.uint8)
x = images.float() / 255
y = masks.float() / 255  # expect: loss-target-mismatch
# cure: y = masks.float()
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(10):
    for batch in torch.randperm(256).split(32):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
