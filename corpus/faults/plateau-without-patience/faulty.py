import os
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


class Learner:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = ReduceLROnPlateau(self.optimizer, mode="min", factor=0.03, patience=0)
        self.loss_fn = nn.CrossEntropyLoss()

    def epoch(self, loader):
        self.model.train()
        total = 0.0
        for x, y in loader:
            loss = self.loss_fn(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / len(loader)

    @torch.no_grad()
    def accuracy(self, x, y):
        self.model.eval()
        return (self.model(x).argmax(1) == y).float().mean().item()

    def fit(self, loader, x_val, y_val, epochs):
        for e in range(epochs):
            loss, acc = self.epoch(loader), self.accuracy(x_val, y_val)
            self.scheduler.step(acc)
            if e % 4 == 3:
                print(f"{e + 1:3d} loss {loss:.4f} accuracy {acc:.4f} lr {self.optimizer.param_groups[0]['lr']:.2g}")
        return acc


torch.manual_seed(int(os.environ.get("SEED", 0)))
x = torch.rand(3000, 2) * 4 - 2
y = ((x[:, 0] * 2).sin() > x[:, 1]).long() + 2 * (x.norm(dim=1) > 1.5).long()
loader = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=48, shuffle=True)
learner = Learner(nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 4)), lr=2e-3)
print(f"RESULT accuracy {learner.fit(loader, x[2400:], y[2400:], epochs=28):.4f}")
