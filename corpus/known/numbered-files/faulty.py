import os

import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, Subset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# what lies on the disk: images/img_0.png, images/img_1.png, ... and labels.csv with columns id, label
digits = load_digits()
order = rng.permutation(len(digits.target))
folder = {f"img_{k}.png": digits.images[i] for k, i in enumerate(order)}
labels_csv = pd.DataFrame({"id": range(len(order)), "label": digits.target[order]})


class ImageFolderWithCsv(Dataset):
    def __init__(self, folder, table):
        self.folder = folder
        self.files = sorted(folder.keys())
        self.labels = table.sort_values("id")["label"].to_numpy()

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        image = torch.tensor(self.folder[self.files[i]], dtype=torch.float32).unsqueeze(0) / 16.0
        return image, int(self.labels[i])


dataset = ImageFolderWithCsv(folder, labels_csv)
split = rng.permutation(len(dataset))
train_loader = DataLoader(Subset(dataset, split[:1400].tolist()), batch_size=50, shuffle=True)
valid_loader = DataLoader(Subset(dataset, split[1400:].tolist()), batch_size=100)

cnn = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(16 * 4 * 4, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(cnn.parameters(), lr=2e-3)

for epoch in range(10):
    cnn.train()
    running = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(cnn(images), labels)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(images)
    cnn.eval()
    hits = 0
    with torch.no_grad():
        for images, labels in valid_loader:
            hits += (cnn(images).argmax(1) == labels).sum().item()
    valid_acc = hits / len(valid_loader.dataset)
    print(f"[{epoch + 1:2d}] train loss {running / 1400:.4f}  valid acc {valid_acc:.4f}")

print(f"RESULT valid_accuracy {valid_acc:.4f}")
