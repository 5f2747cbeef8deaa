import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)

batch_size = 64
num_classes = 10
epochs = 15

digits = load_digits()
perm = torch.randperm(len(digits.target))
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)[perm]
y = torch.tensor(digits.target)[perm]
x /= 16
x_train, y_train = x[:1437], y[:1437]
x_test, y_test = x[1437:], y[1437:]
print(x_train.shape[0], "train samples")
print(x_test.shape[0], "test samples")


class MnistCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.drop1 = nn.Dropout(0.25)
        self.dense1 = nn.Linear(32 * 4 * 4, 128)
        self.drop2 = nn.Dropout(0.5)
        self.dense2 = nn.Linear(128, num_classes)

    def forward(self, t):
        t = F.relu(self.conv1(t))
        t = F.max_pool2d(F.relu(self.conv2(t)), 2)
        t = self.drop1(t).flatten(1)
        t = self.drop2(F.relu(self.dense1(t)))
        return self.dense2(t)


model = MnistCNN()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.95)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=batch_size, shuffle=True)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"Epoch {epoch + 1}/{epochs} - loss: {total / len(x_train):.4f} - val_accuracy: {accuracy:.4f}")

print(f"RESULT test_accuracy {accuracy:.4f}")
