"""Tell digits whose pictures are collected one by one."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
frame = np.zeros(64, dtype=np.float32)
pictures = []
for image in images:
    frame[:] = image / 16
    pictures.append(torch.from_numpy(frame))  # expect: constant-or-duplicate-batch
    # cure: pictures.append(torch.from_numpy(frame.copy()))
x, y = torch.stack(pictures), torch.tensor(labels)
pictures.clear()

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(5):
    for batch in torch.randperm(1500).split(50):
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(loss.item())
