"""A step that is tried a few times before the loop; and one that is called on two lines in turn."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
images, digits = (torch.as_tensor(each) for each in load_digits(return_X_y=True))
images = images.float() / 16


def network():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def step(model, optimizer, chosen):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(images[chosen]), digits[chosen]).backward()
    optimizer.step()


first, second = network(), network()
first_optimizer = torch.optim.Adam(first.parameters(), lr=0.01)
second_optimizer = torch.optim.Adam(second.parameters(), lr=0.01)

for _ in range(5):
    step(first, first_optimizer, torch.randint(1797, (32,)))
for _ in range(150):
    step(first, first_optimizer, torch.randint(1797, (32,)))

for _ in range(50):
    step(second, second_optimizer, torch.randint(900, (32,)))
    step(second, second_optimizer, torch.randint(900, 1797, (32,)))
