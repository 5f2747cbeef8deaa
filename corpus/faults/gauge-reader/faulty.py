"""Read the angle of a pointer gauge from 20x20 camera crops."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

SETTINGS = {
    "n_train": 2000,
    "n_test": 400,
    "size": 20,
    "batch": 32,
    "epochs": 14,
    "lr": 0.05,
    "averaging_horizon": 2000,   # optimizer steps over which the velocity averages the gradient
}


def draw_gauges(n, size):
    c = (size - 1) / 2
    axis = torch.arange(size, dtype=torch.float32) - c
    dy, dx = torch.meshgrid(axis, axis, indexing="ij")
    angle = (torch.rand(n) * 2 - 1) * 2.4
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along = dx * cos + dy * sin
    across = dy * cos - dx * sin
    needle = torch.exp(-(across / 0.9) ** 2) * torch.sigmoid(3 * along) * torch.sigmoid(3 * (8.0 - along))
    rim = torch.exp(-((dx ** 2 + dy ** 2).sqrt() - 9.0) ** 2)
    contrast = 0.7 + 0.6 * torch.rand(n, 1, 1)
    image = contrast * needle + 0.4 * rim + 0.3 * torch.rand(n, 1, 1) + 0.12 * torch.randn(n, size, size)
    return image.unsqueeze(1), angle


def as_vector(angle):
    return torch.stack([angle.sin(), angle.cos()], dim=1)


def angle_error(vec, angle):
    diff = torch.atan2(vec[:, 0], vec[:, 1]) - angle
    wrapped = torch.atan2(diff.sin(), diff.cos())
    return torch.rad2deg(wrapped.abs()).mean().item()


def build_net():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 64), nn.ReLU(),
        nn.Linear(64, 2),
    )


def build_optimizer(net, lr, horizon):
    momentum = 1.0 - 1.0 / horizon
    return torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)


def run(s):
    torch.manual_seed(int(os.environ.get("SEED", "0")))
    images, angles = draw_gauges(s["n_train"] + s["n_test"], s["size"])
    train_img, test_img = images[:s["n_train"]], images[s["n_train"]:]
    train_angle, test_angle = angles[:s["n_train"]], angles[s["n_train"]:]
    mu, sd = train_img.mean(), train_img.std()
    train_img, test_img = (train_img - mu) / sd, (test_img - mu) / sd

    net = build_net()
    optimizer = build_optimizer(net, s["lr"], s["averaging_horizon"])
    target = as_vector(train_angle)

    for epoch in range(1, s["epochs"] + 1):
        net.train()
        losses = []
        order = torch.randperm(len(train_img))
        for start in range(0, len(order), s["batch"]):
            idx = order[start:start + s["batch"]]
            loss = F.smooth_l1_loss(net(train_img[idx]), target[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            error = angle_error(net(test_img), test_angle)
        print(f"epoch {epoch:2d}  loss {sum(losses) / len(losses):.5f}  mean error {error:.2f} deg")
    return error


print(f"RESULT mean_error_deg {run(SETTINGS):.3f}")
