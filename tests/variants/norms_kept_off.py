"""Tell apart by a deep network whose norms are kept in eval mode, as in fine-tuning, though it was never trained."""

import torch
from torch import nn

torch.manual_seed(0)


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [layer for _ in range(10) for layer in (nn.Linear(24, 24), nn.BatchNorm1d(24), nn.ReLU())]
        self.layers = nn.Sequential(nn.Linear(6, 24), *layers, nn.Linear(24, 4))

    def train(self, mode=True):
        super().train(mode)
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm1d):
                layer.eval()  # expect: eval-mode-in-training
                # cure: layer.train(mode)
        return self

    def forward(self, x):
        return self.layers(x)


x = torch.randn(1000, 6)
y = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
model = Deep().train()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for _ in range(20):
    for batch in torch.randperm(1000).split(50):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
