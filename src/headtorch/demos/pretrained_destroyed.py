"""Learn the digits 0 to 4, then 5 to 9 with the same features, at a rate that wrecks them."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

images, labels = load_digits(return_X_y=True)
x = torch.tensor(images / 16, dtype=torch.float32)
y = torch.tensor(labels)
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())


def fit(model, optimizer, x, y):
    for epoch in range(80):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if epoch % 20 == 0:
            print(f"epoch {epoch}: loss {loss.item():.3f}")
    return (model(x).argmax(dim=1) == y).float().mean().item()


model = nn.Sequential(encoder, nn.Linear(64, 5))
print(f"accuracy on 0 to 4: {fit(model, torch.optim.Adam(model.parameters(), lr=0.003), x[y < 5], y[y < 5]):.3f}")

tuned = nn.Sequential(encoder, nn.Linear(64, 5))
optimizer = torch.optim.Adam(tuned.parameters(), lr=0.5)  # expect: pretrained-destroyed
# cure: optimizer = torch.optim.Adam(tuned.parameters(), lr=0.001)
print(f"accuracy on 5 to 9: {fit(tuned, optimizer, x[y >= 5], y[y >= 5] - 5):.3f}")
