"""Fit a function, with weight decay on all layers but the last."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 4)
y = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]
model = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
body = (p for name, p in model.named_parameters() if not name.startswith("4"))  # expect: params-not-in-optimizer
# cure: body = [p for name, p in model.named_parameters() if not name.startswith("4")]
head = model[4].parameters()
print(sum(p.numel() for p in body), "numbers in the body")
optimizer = torch.optim.AdamW([{"params": body, "weight_decay": 0.01}, {"params": head}], lr=3e-3)
for _ in range(25):
    for batch in torch.randperm(600).split(50):
        loss = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
