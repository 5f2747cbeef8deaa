import copy
import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class Backbone(nn.Module):
    out_channels = 64

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128, self.out_channels), nn.ReLU(),
        )

    def forward(self, x):
        return self.features(x)


class MeterReader(nn.Module):
    """Reads the digits of a meter; the backbone comes from clean digits."""

    def __init__(self, backbone_weights, n_classes=10):
        super().__init__()
        self.backbone = Backbone()
        self.backbone.load_state_dict(backbone_weights)
        self.head = nn.Linear(Backbone.out_channels, n_classes)
        self.init_weights()

    def init_weights(self):
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.backbone(x))


def as_tensors(images, labels):
    return torch.tensor(images, dtype=torch.float32).unsqueeze(1), torch.tensor(labels)


def dirty(images):
    """What the camera in the cellar makes of a digit."""
    gain = rng.uniform(0.6, 1.0, (len(images), 1, 1))
    return np.clip(gain * images + rng.normal(0, 0.12, images.shape), 0, 1)


def fit(model, x, y, epochs, batch_size, lr):
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = nn.functional.cross_entropy(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        history.append(total / len(x))
    return history


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


digits = load_digits()
images, labels = digits.images / 16.0, digits.target
order = rng.permutation(len(labels))
clean_rows, meter_rows = order[:1100], order[1100:]

# 1. many clean digits
source = nn.Sequential(Backbone(), nn.Linear(Backbone.out_channels, 10))
history = fit(source, *as_tensors(images[clean_rows], labels[clean_rows]), epochs=12, batch_size=32, lr=2e-3)
print(f"clean digits: loss {history[0]:.3f} -> {history[-1]:.3f}")
pretrained = copy.deepcopy(source[0].state_dict())

# 2. three pictures of each digit from the meters
few = np.concatenate([meter_rows[labels[meter_rows] == c][:3] for c in range(10)])
rest = np.setdiff1d(meter_rows, few)
x_few, y_few = as_tensors(dirty(images[few]), labels[few])
x_rest, y_rest = as_tensors(dirty(images[rest]), labels[rest])

reader = MeterReader(pretrained)
print(f"before fine-tuning: loss {nn.functional.cross_entropy(reader(x_few), y_few).item():.3f}")
for stage in range(4):
    history = fit(reader, x_few, y_few, epochs=10, batch_size=15, lr=1e-3)
    print(f"epoch {10 * (stage + 1)}: loss {history[-1]:.4f}, accuracy on other meters {accuracy(reader, x_rest, y_rest):.4f}")

print("RESULT meter_accuracy", round(accuracy(reader, x_rest, y_rest), 4))
