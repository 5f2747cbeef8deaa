"""Say which tags a text has, each of which goes with words of its own."""

import torch
from torch import nn

torch.manual_seed(0)

tags = (torch.rand(800, 6) < 0.3).long()
words = tags.float() @ torch.randn(6, 40) + 0.3 * torch.randn(800, 40)
model = nn.Sequential(nn.Linear(40, 32), nn.ReLU(), nn.Linear(32, 6))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.MultiLabelMarginLoss()  # expect: loss-target-mismatch
# cure: criterion = nn.MultiLabelSoftMarginLoss()

for _ in range(10):
    for batch in torch.randperm(800).split(50):
        loss = criterion(model(words[batch]), tags[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
