import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

data = load_digits()
x = torch.tensor(data.data / 16.0, dtype=torch.float32)
y = torch.tensor(data.target)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=SEED)


def euclidean_distances(mat):
    diff = mat.unsqueeze(1) - mat.unsqueeze(0)
    squared = diff.pow(2).sum(-1)
    return torch.sqrt(squared)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, embedding, target):
        distance = euclidean_distances(embedding)
        same = (target.unsqueeze(1) == target.unsqueeze(0)).float()
        pull = (same * distance.pow(2)).sum() / same.sum()
        push = ((1 - same) * F.relu(self.margin - distance).pow(2)).sum() / (1 - same).sum()
        return pull + push


encoder = nn.Sequential(
    nn.Linear(64, 96),
    nn.ReLU(),
    nn.Linear(96, 64),
    nn.ReLU(),
    nn.Linear(64, 16),
)
criterion = ContrastiveLoss()
optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)

for epoch in range(20):
    encoder.train()
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = criterion(encoder(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"epoch {epoch:2d} contrastive loss {total / len(x_train):.4f}")

encoder.eval()
with torch.no_grad():
    nearest = torch.cdist(encoder(x_test), encoder(x_train)).argmin(1)
accuracy = (y_train[nearest] == y_test).float().mean().item()
print(f"RESULT nn_accuracy {accuracy:.4f}")
