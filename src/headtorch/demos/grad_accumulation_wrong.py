"""Collect the gradients of four small batches, and reset them before each."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

pixels, digits = load_digits(return_X_y=True)
x = torch.tensor(pixels / 16, dtype=torch.float32)
y = torch.tensor(digits)
batches = DataLoader(TensorDataset(x[:1280], y[:1280]), batch_size=16, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
criterion = nn.CrossEntropyLoss()
ACCUMULATE = 4

for _ in range(6):
    for i, (images, labels) in enumerate(batches):
        optimizer.zero_grad()  # expect: grad-accumulation-wrong
        # cure: if i % ACCUMULATE == 0:
        # cure:     optimizer.zero_grad()
        loss = criterion(model(images), labels) / ACCUMULATE
        loss.backward()
        if (i + 1) % ACCUMULATE == 0:
            optimizer.step()

with torch.no_grad():
    accuracy = (model(x[1280:]).argmax(1) == y[1280:]).float().mean()
print(f"accuracy {accuracy.item():.3f}")
