import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)


class DigitCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 4, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class Experiment:
    epochs = 12
    batch_size = 64
    lr = 2e-3
    l1_strength = 1e-2

    def __init__(self):
        X, y = load_digits(return_X_y=True)
        X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16
        y = torch.tensor(y)
        X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, random_state=SEED, stratify=y)
        m, s = X_tr.mean(), X_tr.std()
        self.train_loader = DataLoader(TensorDataset((X_tr - m) / s, y_tr), batch_size=self.batch_size, shuffle=True)
        self.test_loader = DataLoader(TensorDataset((X_te - m) / s, y_te), batch_size=256)
        self.model = DigitCNN()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.lr)

    def penalty(self):
        return sum(p.abs().sum() for name, p in self.model.named_parameters() if name.endswith("weight"))

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for xb, yb in self.train_loader:
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(xb), yb) + self.l1_strength * self.penalty()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(self.train_loader)

    @torch.no_grad()
    def test(self):
        self.model.eval()
        hits = sum((self.model(xb).argmax(1) == yb).sum().item() for xb, yb in self.test_loader)
        return hits / len(self.test_loader.dataset)

    def run(self):
        for epoch in range(1, self.epochs + 1):
            loss = self.train_epoch()
            print(f"epoch {epoch:2d} loss {loss:.4f} test accuracy {self.test():.4f}")
        return self.test()


if __name__ == "__main__":
    print(f"RESULT test_accuracy {Experiment().run():.4f}")
