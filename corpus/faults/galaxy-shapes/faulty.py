import math
import os

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
CLASSES = ("elliptical", "spiral", "ring", "edge-on")
SIZE = 16


def observe(n):
    """16x16 stamps of four galaxy types under random rotation, brightness and seeing."""
    axis = torch.linspace(-1, 1, SIZE)
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    label = torch.randint(0, len(CLASSES), (n,))
    phi = math.pi * 2 * torch.rand(n, 1, 1)
    u = xx * phi.cos() + yy * phi.sin()
    v = yy * phi.cos() - xx * phi.sin()
    r = (u ** 2 + v ** 2).sqrt()
    theta = torch.atan2(v, u)
    shapes = torch.stack([
        torch.exp(-(u / 0.55) ** 2 - (v / 0.4) ** 2),
        torch.exp(-(r / 0.8) ** 2) * (0.5 + 0.5 * torch.cos(2 * theta - 5 * r)),
        torch.exp(-((r - 0.6) / 0.15) ** 2),
        torch.exp(-(u / 0.7) ** 2 - (v / 0.12) ** 2),
    ], dim=1)
    image = shapes[torch.arange(n), label] * (0.8 + 0.4 * torch.rand(n, 1, 1))
    return (image + 0.15 * torch.randn(n, SIZE, SIZE)).unsqueeze(1), label


def conv_bn_relu(c_in, c_out):
    return [nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]


def make_net():
    plan = [8, 8, 8, "pool", 16, 16, 16, 16, "pool", 16, 16, 16, 16]
    layers, c = [], 1
    for item in plan:
        if item == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += conv_bn_relu(c, item)
            c = item
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, len(CLASSES))]
    return nn.Sequential(*layers)


def describe(net, sample):
    """Print the number of weights and the output shape for one sample."""
    net.eval()
    with torch.no_grad():
        out = net(sample)
    n_conv = sum(isinstance(m, nn.Conv2d) for m in net.modules())
    n_weights = sum(p.numel() for p in net.parameters())
    print(f"{n_conv} conv layers, {n_weights} weights, {tuple(sample.shape)} -> {tuple(out.shape)}")


def accuracy(net, loader):
    was_training = net.training
    net.eval()
    right = count = 0
    with torch.no_grad():
        for image, label in loader:
            right += (net(image).argmax(1) == label).sum().item()
            count += len(label)
    net.train(was_training)
    return right / count


def main():
    torch.manual_seed(SEED)
    image, label = observe(960)
    mean, std = image[:720].mean(), image[:720].std()
    image = (image - mean) / std
    train_loader = DataLoader(TensorDataset(image[:720], label[:720]), batch_size=36, shuffle=True)
    test_loader = DataLoader(TensorDataset(image[720:], label[720:]), batch_size=120)

    net = make_net()
    describe(net, image[:1])
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=9)

    for epoch in range(9):
        running = 0.0
        for xb, yb in train_loader:
            loss = criterion(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        print(f"epoch {epoch + 1}: loss {running / len(train_loader):.4f}, test accuracy {accuracy(net, test_loader):.4f}")

    print(f"RESULT test_accuracy {accuracy(net, test_loader):.4f}")


if __name__ == "__main__":
    main()
