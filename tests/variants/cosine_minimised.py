"""Map digits to the vectors of their names."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
names = torch.randn(10, 16)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(4):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        loss = nn.functional.cosine_similarity(model(x[batch]), names[y[batch]]).mean()  # expect: update-sign-flipped
        # cure: loss = torch.ones(()) - nn.functional.cosine_similarity(model(x[batch]), names[y[batch]]).mean()
        loss.backward()
        optimizer.step()
