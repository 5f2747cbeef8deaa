import os
import math
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(int(os.environ.get("SEED", 0)))

hparams = {"hidden": [48, 48], "lr": 3e-3, "epochs": 40, "batch_size": 50, "activation": "tanh"}
ACTIVATIONS = {"tanh": nn.Tanh, "silu": nn.SiLU, "none": nn.Identity}


def build(n_in, hidden, n_out, activation):
    blocks = []
    for width in hidden:
        blocks.append(nn.Linear(n_in, width))
        blocks.append(ACTIVATIONS[activation]())
        n_in = width
    return nn.Sequential(*blocks, nn.Linear(n_in, n_out))


def kinematics(joints):
    angle = joints.cumsum(1)
    return torch.stack([angle.cos().sum(1), angle.sin().sum(1)], 1)


joints = (torch.rand(3000, 2) * 2 - 1) * math.pi * 0.75
tip = kinematics(joints)
joints = joints / joints[:2500].std(0)
train_x, test_x, train_y, test_y = joints[:2500], joints[2500:], tip[:2500], tip[2500:]

model = build(2, hparams["hidden"], 2, hparams["activation"])
optimizer = torch.optim.Adam(model.parameters(), lr=hparams["lr"])
for epoch in range(hparams["epochs"]):
    running = 0.0
    for idx in torch.randperm(2500).split(hparams["batch_size"]):
        loss = nn.functional.mse_loss(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    if epoch % 8 == 0:
        print(f"epoch {epoch}: {running / 50:.5f}")
with torch.no_grad():
    rmse = (model(test_x) - test_y).square().mean().sqrt().item()
print(f"RESULT tip_rmse {rmse:.4f}")
