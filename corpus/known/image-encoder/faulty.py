import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


def build_backbone():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 64), nn.ReLU(),
        nn.Linear(64, 64), nn.ReLU(),
    )


class ImageEncoder(nn.Module):
    def __init__(self, weights=None, frozen=False):
        super().__init__()
        net = build_backbone()
        if weights is not None:
            net.load_state_dict(weights)
        if frozen:
            net.requires_grad = False
        self.net = net

    def forward(self, x):
        return self.net(x)


class Classifier(nn.Module):
    def __init__(self, encoder, n_classes=10):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        return self.head(self.encoder(x))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def fit(name, model, x, y, x_valid, y_valid, lr, epochs, batch_size):
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        if (epoch + 1) % 4 == 0:
            print(f"{name} epoch {epoch + 1}: loss {total / len(x):.4f} valid {accuracy(model, x_valid, y_valid):.4f}")


digits = load_digits()
images = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(digits.target)
order = torch.randperm(len(images))
images, labels = images[order], labels[order]
x_base, y_base = images[:1000], labels[:1000]
x_new = images[1000:] + 0.08 * torch.randn(len(images) - 1000, 1, 8, 8)
y_new = labels[1000:]
x_few, y_few, x_test, y_test = x_new[:120], y_new[:120], x_new[120:], y_new[120:]

base = Classifier(ImageEncoder())
fit("base", base, x_base, y_base, x_test, y_test, lr=2e-3, epochs=12, batch_size=32)

encoder = ImageEncoder(weights=base.encoder.net.state_dict(), frozen=True)
model = Classifier(encoder)
fit("new", model, x_few, y_few, x_test, y_test, lr=0.05, epochs=32, batch_size=16)

print("RESULT test_accuracy", round(accuracy(model, x_test, y_test), 4))
