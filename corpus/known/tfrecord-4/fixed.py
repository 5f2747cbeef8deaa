"""Write a class-folder image set into records and train a small convnet from them."""
import os
import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

digits = load_digits()
images = (digits.images / 16.0).astype(np.float32)
train_ids, val_ids = train_test_split(
    np.arange(len(images)), test_size=0.25, random_state=SEED, stratify=digits.target
)


def find_image_files(ids):
    """List all files of the data folder, one sub-folder a class."""
    filenames, labels = [], []
    for synset in range(10):
        members = [i for i in sorted(ids) if digits.target[i] == synset]
        filenames.extend(f"n{synset:08d}/{i:05d}.JPEG" for i in members)
        labels.extend([synset] * len(members))

    shuffled_index = list(range(len(filenames)))
    random.seed(12345)
    random.shuffle(shuffled_index)

    filenames = [filenames[i] for i in shuffled_index]
    labels = [labels[i] for i in shuffled_index]
    print(f"found {len(filenames)} files across 10 labels")
    return filenames, labels


def process_image_files(ids, num_shards=8):
    filenames, labels = find_image_files(ids)
    spacing = np.linspace(0, len(filenames), num_shards + 1).astype(int)
    shards = []
    for s in range(num_shards):
        shard = []
        for k in range(spacing[s], spacing[s + 1]):
            pixels = images[int(filenames[k].split("/")[1][:5])]
            shard.append({"image/encoded": pixels, "image/class/label": labels[k]})
        shards.append(shard)
    return shards


def read_batches(shards, batch_size):
    records = [r for shard in shards for r in shard]
    for k in range(0, len(records), batch_size):
        part = records[k:k + batch_size]
        x = torch.from_numpy(np.stack([r["image/encoded"] for r in part])).unsqueeze(1)
        y = torch.tensor([r["image/class/label"] for r in part])
        yield x, y


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


train_shards = process_image_files(train_ids)
val_shards = process_image_files(val_ids, num_shards=2)
model = SmallNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(8):
    model.train()
    losses = []
    for x, y in read_batches(train_shards, 32):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    hits, count = 0, 0
    with torch.no_grad():
        for x, y in read_batches(val_shards, 64):
            hits += (model(x).argmax(1) == y).sum().item()
            count += len(y)
    print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}  val top-1 {hits / count:.4f}")

print("RESULT val_accuracy", round(hits / count, 4))
