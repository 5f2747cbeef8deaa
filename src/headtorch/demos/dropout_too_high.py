"""Classify digits through layers that drop nearly all of their units."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)

layers = []
for fan_in, fan_out in [(64, 64), (64, 64), (64, 64)]:
    layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    layers += [nn.Dropout(0.95)]  # expect: dropout-too-high
    # cure: layers += [nn.Dropout(0.1)]
model = nn.Sequential(*layers, nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
criterion = nn.CrossEntropyLoss()

for epoch in range(120):
    model.train()
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: loss {loss.item():.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x).argmax(dim=1) == y).float().mean()
print(f"accuracy {accuracy.item():.3f}")
