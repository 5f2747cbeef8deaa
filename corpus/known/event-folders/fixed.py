import os
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

NAMES = ["accordion", "beaver", "camera", "dolphin", "euphonium",
         "ferry", "gramophone", "hedgehog", "ibis", "joshua_tree"]
SACCADES = [(0, 1), (1, 0), (0, -1), (-1, 0)]


def record(image):
    """Events of a camera that jumps by one pixel: brighter and darker pixels apart."""
    step = SACCADES[rng.integers(4)]
    change = np.roll(image, step, (0, 1)) - image + 0.05 * rng.standard_normal(image.shape)
    return np.stack([np.maximum(change, 0), np.maximum(-change, 0)]).astype(np.float32)


def make_split(images, targets):
    files = {}
    for n in rng.permutation(len(images)):
        files[f"{NAMES[targets[n]]}/image_{n:04d}"] = record(images[n])
    return files


class EventFolder(Dataset):
    def __init__(self, files):
        self.files = list(files.items())
        self.classes = sorted({path.split("/")[0] for path in files})

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        path, events = self.files[i]
        return torch.from_numpy(events), self.classes.index(path.split("/")[0])


digits = load_digits()
parts = train_test_split(digits.images / 16.0, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
training = EventFolder(make_split(parts[0], parts[2]))
testing = EventFolder(make_split(parts[1], parts[3]))
train_loader = DataLoader(training, batch_size=32, shuffle=True)
test_loader = DataLoader(testing, batch_size=64)

model = nn.Sequential(
    nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, len(training.classes)))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(12):
    model.train()
    total, hits = 0.0, 0
    for events, label in train_loader:
        optimizer.zero_grad()
        scores = model(events)
        loss = criterion(scores, label)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(label)
        hits += (scores.argmax(1) == label).sum().item()
    model.eval()
    val_total, val_hits = 0.0, 0
    with torch.no_grad():
        for events, label in test_loader:
            scores = model(events)
            val_total += criterion(scores, label).item() * len(label)
            val_hits += (scores.argmax(1) == label).sum().item()
    print(f"epoch {epoch + 1:2d}: training loss {total / len(training):.4f} accuracy {hits / len(training):.4f}, "
          f"validation loss {val_total / len(testing):.4f} accuracy {val_hits / len(testing):.4f}")

print(f"RESULT validation_accuracy {val_hits / len(testing):.4f}")
