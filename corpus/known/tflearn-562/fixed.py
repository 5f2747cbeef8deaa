import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", 0))
torch.manual_seed(SEED)

LEARNING_RATE = 0.05
BATCH_SIZE = 32
EPOCHS = 18

digits = load_digits()
X, testX, Y, testY = train_test_split(
    (digits.images / 16.0).astype(np.float32), digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
)
X, testX = torch.from_numpy(X).unsqueeze(1), torch.from_numpy(testX).unsqueeze(1)
Y, testY = torch.from_numpy(Y), torch.from_numpy(testY)


class DNN(nn.Module):
    """Convolutional network for the digit images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.lrn = nn.LocalResponseNorm(5)
        self.fc1 = nn.Linear(128, 128)
        self.fc2 = nn.Linear(128, 256)
        self.fc3 = nn.Linear(256, 10)
        self.drop = nn.Dropout(0.2)

    def forward(self, x):
        net = self.lrn(F.max_pool2d(F.relu(self.conv1(x)), 2))
        net = self.lrn(F.max_pool2d(F.relu(self.conv2(self.drop(net))), 2))
        net = self.drop(net).flatten(1)
        net = self.drop(torch.tanh(self.fc1(net)))
        net = self.drop(torch.tanh(self.fc2(net)))
        return self.fc3(net)


net = DNN()
optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)

for epoch in range(EPOCHS):
    net.train()
    avg_cost = 0.0
    batches = torch.randperm(len(X)).split(BATCH_SIZE)
    for idx in batches:
        loss = F.cross_entropy(net(X[idx]), Y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        avg_cost += loss.item() / len(batches)
    net.eval()
    with torch.no_grad():
        acc = (net(testX).argmax(1) == testY).float().mean().item()
    if (epoch + 1) % 3 == 0:
        print(f"Epoch: {epoch + 1:03d} cost= {avg_cost:.5f} test accuracy= {acc:.4f}")

print(f"RESULT test_accuracy {acc:.4f}")
