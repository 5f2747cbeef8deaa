import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
seed = int(os.environ.get("SEED", "0"))
torch.manual_seed(seed)

TIMESTEPS = 100


def recordings(n):
    """One channel of 100 steps. A short pulse opens the recording; its sign is the class."""
    y = torch.randint(0, 2, (n,))
    x = 0.05 * torch.randn(n, 1, TIMESTEPS)
    x[:, 0, :3] += (2.0 * y - 1.0).unsqueeze(1)
    return x, y.float()


class CausalConv1d(nn.Conv1d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation):
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation)
        self.left = (kernel_size - 1) * dilation
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        nn.init.zeros_(self.bias)

    def forward(self, x):
        return super().forward(F.pad(x, (self.left, 0)))


class ResidualBlock(nn.Module):
    def __init__(self, in_channels, nb_filters, kernel_size, dilation):
        super().__init__()
        self.conv1 = CausalConv1d(in_channels, nb_filters, kernel_size, dilation)
        self.conv2 = CausalConv1d(nb_filters, nb_filters, kernel_size, dilation)
        self.match = nn.Conv1d(in_channels, nb_filters, 1) if in_channels != nb_filters else nn.Identity()

    def forward(self, x):
        skip = F.relu(self.conv2(F.relu(self.conv1(x))))
        return F.relu(self.match(x) + skip), skip


class TCN(nn.Module):
    def __init__(self, input_dim=1, nb_filters=12, kernel_size=3, dilations=(1, 2, 4, 8, 16, 32)):
        super().__init__()
        self.blocks = nn.ModuleList()
        for i, d in enumerate(dilations):
            self.blocks.append(ResidualBlock(input_dim if i == 0 else nb_filters, nb_filters, kernel_size, d))
        self.dense = nn.Linear(nb_filters, 1)

    def forward(self, x):
        skips = 0
        for block in self.blocks:
            x, skip = block(x)
            skips = skips + skip
        return self.dense(skips[:, :, -1]).squeeze(-1)


train_loader = DataLoader(TensorDataset(*recordings(1024)), batch_size=32, shuffle=True)
x_test, y_test = recordings(400)

model = TCN()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(8):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        acc = ((model(x_test) > 0).float() == y_test).float().mean().item()
    print(f"Epoch {epoch + 1}/8 - loss: {total / len(train_loader):.4f} - val_acc: {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
