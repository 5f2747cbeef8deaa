import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset, random_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class DigitViews(Dataset):
    def __init__(self):
        d = load_digits()
        x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16.0
        self.x = (x - x.mean()) / x.std()
        self.y = torch.tensor(d.target)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def augment(img):
    dx = int(torch.randint(-1, 2, (1,)))
    return torch.roll(img, dx, dims=2) + 0.1 * torch.randn_like(img)


def two_views(items):
    """Every picture enters the batch twice, with two different distortions."""
    first = torch.stack([augment(img) for img, _ in items])
    second = torch.stack([augment(img) for img, _ in items])
    labels = torch.stack([label for _, label in items])
    return torch.cat([first, second]), labels.repeat(2)


def sup_con(z, labels, temperature=0.2):
    z = F.normalize(z, dim=1)
    sim = z @ z.t() / temperature
    own = torch.eye(len(z), dtype=torch.bool)
    log_p = sim - torch.logsumexp(sim.masked_fill(own, -1e9), dim=1, keepdim=True)
    same = (labels[:, None] == labels[None]) & ~own
    return -(log_p * same).sum(1).div(same.sum(1).clamp(min=1)).mean()


encoder = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(128, 32),
)
optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)

data = DigitViews()
train_set, test_set = random_split(data, [1300, len(data) - 1300])
loader = DataLoader(train_set, batch_size=48, shuffle=True, drop_last=True, collate_fn=two_views)


@torch.no_grad()
def nearest_centroid():
    encoder.eval()
    xa, ya = data.x[train_set.indices], data.y[train_set.indices]
    xb, yb = data.x[test_set.indices], data.y[test_set.indices]
    za, zb = F.normalize(encoder(xa), dim=1), F.normalize(encoder(xb), dim=1)
    centres = torch.stack([za[ya == k].mean(0) for k in range(10)])
    return ((zb @ F.normalize(centres, dim=1).t()).argmax(1) == yb).float().mean().item()


for epoch in range(5):
    encoder.train()
    total = 0.0
    for views, labels in loader:
        loss = sup_con(encoder(views), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: contrastive loss {total / len(loader):.4f}, centroid acc {nearest_centroid():.4f}")

print(f"RESULT centroid_accuracy {nearest_centroid():.4f}")
