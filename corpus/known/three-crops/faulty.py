import os
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)


def scans(n):
    """16 x 16 patches of a scan; label 1 where a nodule lies near the centre."""
    yy, xx = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    y = (torch.rand(n) < 0.5).float()
    angle = torch.rand(n, 1, 1) * 2 * math.pi
    ramp = ((xx - 7.5) * torch.cos(angle) + (yy - 7.5) * torch.sin(angle)) / 7.5
    cy = 7.5 + 3 * (torch.rand(n, 1, 1) - 0.5)
    cx = 7.5 + 3 * (torch.rand(n, 1, 1) - 0.5)
    width = 1.3 + torch.rand(n, 1, 1)
    nodule = torch.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / (2 * width ** 2))
    x = 0.3 * ramp + 1.6 * y.view(-1, 1, 1) * nodule + 0.5 * torch.randn(n, 16, 16)
    return x.unsqueeze(1), y


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv_2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.AdaptiveMaxPool2d(2)

    def forward(self, x):
        x = F.relu(self.conv_1(x))
        x = F.relu(self.conv_2(x))
        return self.pool(x).flatten(1)


class XceptionLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch_8, self.branch_12, self.branch_16 = Branch(), Branch(), Branch()
        self.fc_last_1 = nn.Linear(3 * 64, 64)
        self.fc_last_2 = nn.Linear(64, 1)

    def forward(self, input_8, input_12, input_16):
        out = torch.cat([self.branch_8(input_8), self.branch_12(input_12), self.branch_16(input_16)], dim=1)
        out = F.relu(self.fc_last_1(out))
        out = F.relu(self.fc_last_2(out))
        return out


def crops(x):
    return x[:, :, 4:12, 4:12], x[:, :, 2:14, 2:14], x


train_loader = DataLoader(TensorDataset(*scans(1200)), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(*scans(400)), batch_size=100)

model = XceptionLike()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(8):
    model.train()
    total = 0.0
    for batch_z, batch_label in train_loader:
        optimizer.zero_grad()
        output = torch.sigmoid(model(*crops(batch_z))).squeeze(1)
        loss = criterion(output, batch_label)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch_label)
    model.eval()
    hits = 0
    with torch.no_grad():
        for batch_z, batch_label in test_loader:
            output = torch.sigmoid(model(*crops(batch_z))).squeeze(1)
            hits += ((output >= 0.5).float() == batch_label).sum().item()
    print(f"epoch {epoch + 1}: train loss {total / 1200:.4f}, test accuracy {hits / 400:.4f}")

print(f"RESULT test_accuracy {hits / 400:.4f}")
