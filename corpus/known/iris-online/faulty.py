import os

import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

LEARNING_RATE = 0.05
MOMENTUM = 1.0


class Network(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))
        for lin in self.layers:
            nn.init.uniform_(lin.weight, -1.0, 1.0)

    def forward(self, x):
        for lin in self.layers:
            x = torch.sigmoid(lin(x))
        return x


x, y = load_iris(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, random_state=SEED, stratify=y)
mean, std = x_train.mean(0), x_train.std(0)
x_train = torch.tensor((x_train - mean) / std, dtype=torch.float32)
x_test = torch.tensor((x_test - mean) / std, dtype=torch.float32)
y_test = torch.tensor(y_test)
wanted = torch.eye(3)[torch.tensor(y_train)]

network = Network(4, 8, 3)
optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

for epoch in range(40):
    error = 0.0
    for i in torch.randperm(len(x_train)).tolist():
        out = network(x_train[i])
        loss = 0.5 * (wanted[i] - out).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        error += loss.item()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1:2d} error {error / len(x_train):.4f}")

with torch.no_grad():
    out = network(x_test)
print("outputs for three flowers", [[round(v, 3) for v in row] for row in out[:3].tolist()])
print(f"RESULT test_accuracy {(out.argmax(1) == y_test).float().mean().item():.4f}")
