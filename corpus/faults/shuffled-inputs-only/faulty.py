import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", 0))
np.random.seed(seed)
torch.manual_seed(seed)

bunch = load_digits()
images, labels = bunch.data / 16.0 - 0.3, bunch.target
order = np.random.permutation(len(images))
images = images[order]
images = torch.tensor(images, dtype=torch.float32)
labels = torch.tensor(labels)
x_train, y_train, x_test, y_test = images[:1500], labels[:1500], images[1500:], labels[1500:]

model = nn.Sequential(nn.Linear(64, 48), nn.GELU(), nn.Linear(48, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(15):
    total = 0.0
    for idx in torch.randperm(1500).split(50):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        total += loss.item() / 30
    if epoch % 3 == 2:
        print("epoch", epoch + 1, "loss", round(total, 4))
with torch.no_grad():
    acc = (model(x_test).argmax(1) == y_test).float().mean().item()
print("RESULT accuracy", round(acc, 4))
