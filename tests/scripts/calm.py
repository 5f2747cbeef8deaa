"""A long training in which, between the looked-at steps, the rate changes, steps are left out, one loss is broken, an
evaluation comes in between, then another network is trained, and at last both in turns, by one line."""

import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
model, other = nn.Linear(4, 1), nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for step in range(400):
    if step == 120:
        optimizer.param_groups[0]["lr"] = 0.02
    loss = nn.functional.mse_loss(model(x), y) * (float("nan") if step == 330 else 1.0)
    loss.backward()
    if step == 330:
        optimizer.zero_grad()
    if step < 200 or step % 2 == 1:
        optimizer.step()
        optimizer.zero_grad()
    if step == 140:
        with torch.no_grad():
            print(nn.functional.mse_loss(model(x), y).item())

second = torch.optim.SGD(other.parameters(), lr=0.01)
for step in range(150):
    second.zero_grad()
    nn.functional.mse_loss(other(x), y).backward()
    second.step()
for step in range(400):
    trained, steps = ((model, optimizer), (other, second))[step // 40 % 2]
    steps.zero_grad()
    nn.functional.mse_loss(trained(x), y).backward()
    steps.step()
print(sum(parameter.double().sum().item() for parameter in (*model.parameters(), *other.parameters())))
