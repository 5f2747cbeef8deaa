"""Recognise digits by steps of eight small batches each."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
PASSES = 8


class Accumulation:
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.count = optimizer, 0

    def backward(self, loss: torch.Tensor) -> None:
        (loss / PASSES).backward()
        self.count += 1
        if self.count % PASSES == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()


model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
accumulation = Accumulation(torch.optim.SGD(model.parameters(), lr=0.1))
for _ in range(4):
    for batch in torch.randperm(len(x)).split(8):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch]) / PASSES  # expect: grad-accumulation-wrong
        accumulation.backward(loss)
