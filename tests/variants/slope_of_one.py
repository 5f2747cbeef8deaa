"""Find how far two places on a ring are apart."""

import torch
from torch import nn

torch.manual_seed(0)

angles = torch.rand(1024, 2) * 6.28
x = torch.cat([angles.sin(), angles.cos()], dim=1)
y = (angles[:, 0] - angles[:, 1]).cos().arccos()[:, None]


def block(n_in, n_out):
    return [nn.Linear(n_in, n_out), nn.LeakyReLU(True)]  # expect: linear-collapse
    # cure: return [nn.Linear(n_in, n_out), nn.LeakyReLU(0.1, True)]


model = nn.Sequential(*block(4, 64), *block(64, 64), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for _ in range(20):
    for batch in torch.randperm(len(x)).split(64):
        loss = nn.functional.huber_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
