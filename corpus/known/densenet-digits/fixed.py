import os

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class ConvUnit(nn.Module):
    """BN - ReLU - conv - dropout"""

    def __init__(self, n_in, n_out, kernel_size, keep_prob):
        super().__init__()
        self.norm = nn.BatchNorm2d(n_in)
        self.conv = nn.Conv2d(n_in, n_out, kernel_size, padding=kernel_size // 2, bias=False)
        self.drop = nn.Dropout(1.0 - keep_prob)

    def forward(self, x):
        return self.drop(self.conv(torch.relu(self.norm(x))))


class DenseLayer(nn.Module):
    def __init__(self, n_in, growth_rate, keep_prob):
        super().__init__()
        self.x1 = ConvUnit(n_in, growth_rate * 2, 1, keep_prob)
        self.x2 = ConvUnit(growth_rate * 2, growth_rate, 3, keep_prob)

    def forward(self, x):
        return torch.cat([x, self.x2(self.x1(x))], 1)


class DenseNet(nn.Module):
    def __init__(self, num_layers=(2, 2, 2), growth_rate=12, num_filters=16, reduction=0.5,
                 keep_prob=0.8, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, num_filters, 3, padding=1, bias=False)
        blocks = []
        n = num_filters
        for b, layers in enumerate(num_layers):
            for _ in range(layers):
                blocks.append(DenseLayer(n, growth_rate, keep_prob))
                n += growth_rate
            if b < len(num_layers) - 1:
                m = int(n * (1.0 - reduction))
                blocks += [ConvUnit(n, m, 1, keep_prob), nn.AvgPool2d(2)]
                n = m
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(n)
        self.logits = nn.Linear(n, num_classes)

    def forward(self, x):
        x = self.blocks(self.conv1(x))
        x = torch.relu(self.norm(x)).mean((2, 3))
        return self.logits(x)


digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]
x_train, y_train, x_test, y_test = x[:1400], y[:1400], x[1400:], y[1400:]
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

model = DenseNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(yb)
    model.eval()
    with torch.no_grad():
        acc = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / len(x_train):.4f}  test accuracy {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
