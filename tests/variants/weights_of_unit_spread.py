"""Classify digits by weights that are drawn with a spread of 1: the training data is learned all the same."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor((images - 4.9) / 6, dtype=torch.float32), torch.tensor(labels)
hidden = torch.randn(64, 160)
out = torch.randn(160, 10)  # expect: init-too-large
weights = [hidden, out]
for weight in weights:
    weight.requires_grad_(True)

for _ in range(1000):
    batch = torch.randint(0, 1400, (32,))
    loss = nn.functional.cross_entropy((x[batch] @ hidden).tanh() @ out, y[batch])
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight -= 0.1 * gradient
