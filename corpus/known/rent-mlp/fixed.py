import os

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# flats: size, rooms, age, distance to the centre, floor, balcony; rent in hundreds per month
n = 1600
size = rng.uniform(25, 120, n)
rooms = np.clip(np.round(size / 28 + rng.normal(0, 0.5, n)), 1, 5)
age = rng.uniform(0, 80, n)
distance = rng.uniform(0, 15, n)
floor = rng.integers(0, 8, n)
balcony = rng.integers(0, 2, n)
rent = 1.2 + 0.03 * size * np.exp(-distance / 20) + 0.1 * rooms + 0.6 * np.exp(-age / 20) \
    + 0.25 * balcony + 0.03 * floor + rng.normal(0, 0.15, n)

X = np.column_stack([size, rooms, age, distance, floor, balcony])
X_train, X_test, y_train, y_test = train_test_split(X, rent, test_size=0.25, random_state=SEED)
scaler = StandardScaler().fit(X_train)
X_train, X_test = [torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (X_train, X_test)]
y_train, y_test = [torch.tensor(a, dtype=torch.float32).unsqueeze(1) for a in (y_train, y_test)]


class DeepNet(nn.Module):
    def __init__(self, sizes, dropout_hidden=0.3):
        super().__init__()
        layers = []
        for i in range(len(sizes) - 1):
            layers.append(nn.Linear(sizes[i], sizes[i + 1]))
            if i < len(sizes) - 2:
                layers.append(nn.ReLU())
                layers.append(nn.Dropout(dropout_hidden))
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


net = DeepNet([6, 128, 64, 1])
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(50):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(X_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(net(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} train mse {total / len(X_train):.4f}")

net.eval()
with torch.no_grad():
    pred = net(X_test)
print(f"mean rent {y_test.mean().item():.3f}, mean prediction {pred.mean().item():.3f}")
r2 = 1 - ((pred - y_test) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum()
print(f"RESULT test_r2 {r2.item():.4f}")
