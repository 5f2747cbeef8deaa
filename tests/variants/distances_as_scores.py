"""Compare digits with the mean of some examples of each class, in a space that is learned."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
places = [torch.nonzero(y == digit).flatten() for digit in range(10)]
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for _ in range(60):
    drawn = torch.stack([place[torch.randperm(len(place))[:10]] for place in places])
    support, query = drawn[:, :5], drawn[:, 5:].flatten()
    prototypes = model(x[support]).mean(dim=1)
    distances = (model(x[query])[:, None] - prototypes).square().sum(dim=2)
    loss = nn.functional.cross_entropy(distances, torch.arange(10).repeat_interleave(5))  # expect: update-sign-flipped
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
