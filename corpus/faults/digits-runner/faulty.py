import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)

CONFIG = {
    "seed": int(os.environ.get("SEED", "0")),
    "epochs": 8,
    "micro_batch": 8,
    "accumulate": 8,
    "lr": 0.1,
    "momentum": 0.9,
}


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class Runner:
    def __init__(self, model, cfg):
        self.model, self.cfg = model, cfg
        self.optimizer = torch.optim.SGD(model.parameters(), lr=cfg["lr"], momentum=cfg["momentum"])

    def fit(self, loader):
        self.model.train()
        k = self.cfg["accumulate"]
        for epoch in range(self.cfg["epochs"]):
            total = 0.0
            for i, (x, y) in enumerate(loader, start=1):
                loss = F.cross_entropy(self.model(x), y)
                (loss / k).backward()
                total += loss.item()
                if i % k == 0:
                    torch.nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
                self.optimizer.step()
                if i % k == 0:
                    self.optimizer.zero_grad()
            print("epoch {}: loss {:.4f}".format(epoch + 1, total / len(loader)))

    @torch.no_grad()
    def accuracy(self, x, y):
        self.model.eval()
        return (self.model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(CONFIG["seed"])
    digits = load_digits()
    x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.25, random_state=CONFIG["seed"])
    runner = Runner(SmallCNN(), CONFIG)
    runner.fit(DataLoader(TensorDataset(x_tr, y_tr), batch_size=CONFIG["micro_batch"], shuffle=True, drop_last=True))
    print("RESULT accuracy", round(runner.accuracy(x_te, y_te), 4))
