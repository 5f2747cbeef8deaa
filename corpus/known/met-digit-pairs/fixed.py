import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class PairDataset(Dataset):
    """Pairs of digit images; half of them show the same digit."""

    def __init__(self, images, labels, size):
        self.images, self.labels = images, labels
        first = torch.randint(0, len(images), (size,))
        second = torch.empty(size, dtype=torch.long)
        for k in range(size):
            match = labels == labels[first[k]]
            pool = torch.nonzero(match if k % 2 == 0 else ~match).squeeze(1)
            second[k] = pool[torch.randint(0, len(pool), (1,)).item()]
        self.first, self.second = first, second
        self.same = (labels[first] == labels[second]).float()

    def __len__(self):
        return len(self.first)

    def __getitem__(self, k):
        return self.images[self.first[k]], self.images[self.second[k]], self.same[k]


class EmbeddingNet(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
        self.head = nn.Linear(64, dim)

    def forward(self, x):
        return self.head(self.body(x))


digits = load_digits()
images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
labels = torch.tensor(digits.target)
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.3, random_state=SEED, stratify=labels)
train_loader = DataLoader(PairDataset(x_train, y_train, 4000), batch_size=64, shuffle=True)
test_loader = DataLoader(PairDataset(x_test, y_test, 1000), batch_size=500)

net = EmbeddingNet()
criterion = nn.CosineEmbeddingLoss(margin=0.0)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(12):
    net.train()
    total = 0.0
    for left, right, same in train_loader:
        loss = criterion(net(left), net(right), 2 * same - 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(same)

    net.eval()
    correct = 0
    with torch.no_grad():
        for left, right, same in test_loader:
            similarity = F.cosine_similarity(net(left), net(right))
            correct += ((similarity > 0.5) == (same > 0.5)).sum().item()
    accuracy = correct / len(test_loader.dataset)
    print(f"epoch {epoch + 1:2d} train loss {total / len(train_loader.dataset):.4f} pair accuracy {accuracy:.4f}")

print(f"RESULT pair_accuracy {accuracy:.4f}")
