import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))

MINERALS = ["calcite", "dolomite", "gypsum", "kaolinite", "illite", "chlorite", "alunite", "jarosite"]
N_BANDS = 60


def measure(n, bands, rng):
    """Reflectance spectra: absorption bands of the mineral on a sloping continuum."""
    wave = np.linspace(0, 1, N_BANDS)
    label = rng.integers(0, len(MINERALS), n)
    depth = bands["depth"][label] * rng.uniform(0.7, 1.3, (n, 3))
    centre = bands["centre"][label] + 0.006 * rng.standard_normal((n, 3))
    dips = depth[:, :, None] * np.exp(-((wave - centre[:, :, None]) / 0.04) ** 2)
    continuum = 1.0 + rng.uniform(-0.4, 0.4, (n, 1)) * (wave - 0.5)
    spectra = continuum - dips.sum(1) + 0.04 * rng.standard_normal((n, N_BANDS))
    return spectra.astype(np.float32), label


def build_classifier(depth=8, width=64, act=nn.ReLU):
    sizes = [N_BANDS] + [width] * depth
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        linear = nn.Linear(a, b)
        nn.init.kaiming_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, act()]
    layers.append(nn.Linear(width, len(MINERALS)))
    return nn.Sequential(*layers)


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    loss_sum = correct = count = 0
    for spectra, label in loader:
        logits = model(spectra)
        loss = criterion(logits, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(label)
        correct += (logits.argmax(1) == label).sum().item()
        count += len(label)
    return loss_sum / count, correct / count


def validate(model, loader, criterion):
    model.eval()
    loss_sum = correct = count = 0
    with torch.no_grad():
        for spectra, label in loader:
            logits = model(spectra)
            loss_sum += criterion(logits, label).item() * len(label)
            correct += (logits.argmax(1) == label).sum().item()
            count += len(label)
    return loss_sum / count, correct / count


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    bands = {
        "centre": rng.uniform(0.08, 0.92, (len(MINERALS), 3)),
        "depth": rng.uniform(0.2, 0.5, (len(MINERALS), 3)),
    }
    x_train, y_train = measure(1600, bands, rng)
    x_val, y_val = measure(400, bands, rng)
    mean, std = x_train.mean(0), x_train.std(0)
    to_set = lambda x, y: TensorDataset(torch.from_numpy((x - mean) / std), torch.from_numpy(y))
    train_loader = DataLoader(to_set(x_train, y_train), batch_size=50, shuffle=True)
    val_loader = DataLoader(to_set(x_val, y_val), batch_size=400)

    model = build_classifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

    for epoch in range(1, 21):
        train_loss, train_acc = train_one_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = validate(model, val_loader, criterion)
        print(f"epoch {epoch:2d}  train {train_loss:.4f} / {train_acc:.3f}  val {val_loss:.4f} / {val_acc:.3f}")

    print(f"RESULT val_accuracy {val_acc:.4f}")


if __name__ == "__main__":
    main()
