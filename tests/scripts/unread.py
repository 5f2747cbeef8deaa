"""Trains on tensors without values: reading one raises, as it would make an accelerator wait."""

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_device("meta")
try:
    torch.zeros(1).item()
except RuntimeError:
    print("no values here")


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.mix = nn.Linear(4, 5)
        self.head, self.drop = nn.Linear(5, 3), nn.Dropout(0.1)

    def forward(self, images):
        hidden = F.gelu(F.relu(self.norm(self.conv(images)))).flatten(2).transpose(1, 2)
        return self.head(self.drop(torch.tanh(self.mix(hidden)[:, -1])))


model = Everything()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, foreach=True)
images, classes = torch.randn(4, 3, 8, 8), torch.zeros(4, dtype=torch.long)
for _ in range(12):
    optimizer.zero_grad(set_to_none=False)
    F.cross_entropy(model(images), classes).backward()
    optimizer.step()
    with torch.no_grad():
        F.cross_entropy(model(images), classes)
net = nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Softplus())
other = torch.optim.SGD(net.parameters(), lr=torch.tensor(0.1, device="cpu"))
for _ in range(3):
    F.mse_loss(net(torch.randn(9, 4)), torch.randn(9, 1)).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    other.step()
print("trained")
