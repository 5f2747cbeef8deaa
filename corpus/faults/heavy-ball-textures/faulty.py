import os

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Trainer:
    """Gradient descent with a velocity for each weight."""

    def __init__(self, net, rate, inertia):
        self.net, self.rate, self.inertia = net, rate, inertia
        self.velocity = [torch.zeros_like(p) for p in net.parameters()]

    def step(self, images, labels):
        loss = F.cross_entropy(self.net(images), labels)
        grads = torch.autograd.grad(loss, list(self.net.parameters()))
        with torch.no_grad():
            for p, v, g in zip(self.net.parameters(), self.velocity, grads):
                v.mul_(self.inertia).add_(g)
                p.sub_(self.rate * v)
        return loss.item()

    def fit(self, images, labels, epochs, batch):
        for epoch in range(epochs):
            losses = [self.step(images[i], labels[i]) for i in torch.randperm(len(images)).split(batch)]
            if epoch % 2 == 1:
                print(f"[{epoch + 1}/{epochs}] loss {np.mean(losses):.4f}")


def accuracy(net, images, labels):
    with torch.no_grad():
        return (net(images).argmax(1) == labels).float().mean().item()


if __name__ == "__main__":
    torch.set_num_threads(1)
    seed = int(os.environ.get("SEED", 0))
    torch.manual_seed(seed)
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    images = torch.tensor(digits.images[order] / 8 - 1, dtype=torch.float32)[:, None]
    labels = torch.tensor(digits.target[order])
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(96, 10),
    )
    trainer = Trainer(net, rate=0.03, inertia=0.999)
    trainer.fit(images[:1400], labels[:1400], epochs=12, batch=35)
    print(f"RESULT test_accuracy {accuracy(net, images[1400:], labels[1400:]):.4f}")
